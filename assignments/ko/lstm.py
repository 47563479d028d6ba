"""LSTM이 이미지를 한 행씩 읽고 어떤 숫자인지 알아맞힙니다."""

import torch
from torch import Tensor, nn


class LSTMClassifier(nn.Module):
    """LSTM이 마지막 시점까지 모은 것을 보고 시퀀스를 분류합니다.

    Args:
        xdim: 한 시점의 특징 수 (이미지라면 한 행의 픽셀 수).
        hdim: 은닉 상태 h와 셀 상태 c의 특징 수.
        ydim: 클래스 수.
        n_layer: 쌓은 LSTM 층의 수.
    """

    def __init__(self, xdim: int = 28, hdim: int = 256, ydim: int = 10, n_layer: int = 3) -> None:
        super().__init__()
        self.xdim = xdim
        self.hdim = hdim
        self.ydim = ydim
        self.n_layer = n_layer
        # batch_first는 x와 out의 축 순서만 바꿉니다. 상태는 여전히 층 축이 맨 앞입니다.
        self.rnn = nn.LSTM(
            input_size=self.xdim,
            hidden_size=self.hdim,
            num_layers=self.n_layer,
            batch_first=True,
        )
        self.lin = nn.Linear(self.hdim, self.ydim)

    def forward(self, x: Tensor) -> Tensor:
        """x (batch, time, xdim) -> logits (batch, ydim)."""
        # TODO h0_c0: 모든 층과 모든 이미지에 대해 값이 0인 상태.
        #   h0 (n_layer, batch, hdim): 첫 시점 이전의 은닉 상태
        #   c0 (n_layer, batch, hdim): 첫 시점 이전의 셀 상태
        # 둘 다 x와 같은 device, 같은 dtype이어야 합니다. 배치 크기는 지금 들어온 x의
        # 배치 크기입니다. 한 에폭의 마지막 배치는 더 작을 때가 많습니다.
        raise NotImplementedError("TODO h0_c0: 모든 층과 모든 이미지에 대해 값이 0인 상태")

        # out (batch, time, hdim): 모든 시점에서 맨 위층의 h
        # hn, cn (n_layer, batch, hdim): 마지막 시점 이후 모든 층의 h와 c
        out, (hn, cn) = self.rnn(x, (h0, c0))

        # TODO last_step: 이미지마다 클래스 점수 벡터 하나.
        #   last (batch, hdim): 마지막 시점 이후 맨 위층에 남은 것
        #   logits (batch, ydim): last를 self.lin에 통과시킨 것. softmax는 손실 함수가
        #     적용하므로 여기서는 쓰지 않습니다
        raise NotImplementedError("TODO last_step: 이미지마다 클래스 점수 벡터 하나")
        return logits
