import math

import torch
import torch.nn as nn


class ScaledDotProductAttention(nn.Module):
    def forward(self, Q, K, V, mask=None):
        d_k = K.size()[-1]
        # 유사도 계산
        QK = Q.matmul(K.transpose(-2, -1))
        QK / math.sqrt(d_k)
        if mask is not None:
            QK = QK.masked_fill(mask == 0, -1e9)
        attention = nn.functional.softmax(QK, dim=-1)
        out = attention.matmul(V)
        return out, attention


class MultiHeadedAttention(nn.Module):
    def __init__(self, d_feat=128, n_head=8, dropout_p=0.1, bias=True):
        super(MultiHeadedAttention, self).__init__()
        self.d_feat = d_feat
        self.n_head = n_head
        self.d_head = self.d_feat // self.n_head
        self.W_Q = nn.Linear(self.d_feat, self.d_feat, bias=bias)
        self.W_K = nn.Linear(self.d_feat, self.d_feat, bias=bias)
        self.W_V = nn.Linear(self.d_feat, self.d_feat, bias=bias)
        self.W_O = nn.Linear(self.d_feat, self.d_feat, bias=bias)
        self.sdpa = ScaledDotProductAttention()
        self.dropout = nn.Dropout(p=dropout_p)

    def forward(self, Q, K, V, mask=None):
        n_batch = Q.shape[0]
        Q_feat = self.W_Q(Q)
        K_feat = self.W_K(K)
        V_feat = self.W_V(V)
        # 헤드로 나누기
        Q_split = Q_feat.view(n_batch, -1, self.n_head, self.d_head).permute(0, 2, 1, 3)
        K_split = K_feat.view(n_batch, -1, self.n_head, self.d_head).permute(0, 2, 1, 3)
        V_split = V_feat.view(n_batch, -1, self.n_head, self.d_head).permute(0, 2, 1, 3)
        _, attention = self.sdpa(Q_split, K_split, V_split, mask)
        x_raw = torch.matmul(self.dropout(attention), V_split)
        x_rsh1 = x_raw.permute(0, 2, 1, 3).contiguous()
        x_rsh2 = x_rsh1.view(n_batch, -1, self.d_feat)
        return self.W_O(x_rsh2), attention
