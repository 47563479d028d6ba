import torch
from torch import Tensor, nn


class LSTMClassifier(nn.Module):

    def __init__(self, xdim=28, hdim=256, ydim=10, n_layer=3):
        super().__init__()
        self.xdim = xdim
        self.hdim = hdim
        self.ydim = ydim
        self.n_layer = n_layer
        # batch_first concerns x and out only. The states keep the layers in front.
        self.rnn = nn.LSTM(
            input_size=self.xdim,
            hidden_size=self.hdim,
            num_layers=self.n_layer,
            batch_first=True,
        )
        self.lin = nn.Linear(self.hdim, self.ydim)

    def forward(self, x):
        # 은닉 상태와 셀 상태
        h0 = torch.ones(self.n_layer, x.size(0), self.hdim).to(x)
        c0 = torch.ones(self.n_layer, x.size(0), self.hdim).to(x)

        # out (batch, time, hdim): h of the top layer at every step
        # hn, cn (n_layer, batch, hdim): h and c of every layer after the last step
        out, _ = self.rnn(x, (h0, c0))

        # 마지막 시점만 사용
        logits = self.lin(out[:, -1, :].contiguous())
        return logits


if __name__ == "__main__":
    net = LSTMClassifier()
    y = net(torch.zeros(4, 28, 28))
    print("출력 크기:", tuple(y.shape))
