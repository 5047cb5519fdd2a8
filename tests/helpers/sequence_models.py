"""Small models of sequences: recurrent layers and attention. Each class is a model function."""

from typing import Any

import torch
from model_kinds import Net, W
from torch import Tensor, nn
from torch.nn import functional as F


class Masked(Net):
    """A decoder with causal and padding masks, and attention as a function with a bias that learns."""

    def make(self) -> None:
        self.decoder = nn.TransformerDecoderLayer(2, 1, 4, dropout=0.0, batch_first=True)
        self.bias = nn.Parameter(torch.zeros(1, W // 2, W // 2))

    def middle(self, h: Tensor) -> Tensor:
        h = h.view(-1, W // 2, 2)
        later = nn.Transformer.generate_square_subsequent_mask(W // 2).to(h)
        short = h[..., 0].detach() > h[..., 0].detach().mean(1, keepdim=True)
        h = self.decoder(h, 0.5 * h, tgt_mask=later, tgt_is_causal=True, memory_key_padding_mask=short)
        h = F.scaled_dot_product_attention(h, h, h, attn_mask=self.bias)
        h = F.scaled_dot_product_attention(h[:, None], h[:, None], h[:, None], later == 0)
        return h.flatten(1)


class Encoders(Net):
    """Encoders as torch makes them, which pass over padding in a way of their own when they are evaluated."""

    def make(self) -> None:
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(2, 2, 4, 0.1, batch_first=True), 2)

    def middle(self, h: Tensor) -> Tensor:
        h = h.view(-1, W // 2, 2)
        ends = 1 + (h[..., 0].detach() > 0).sum(1, keepdim=True).clamp(max=W // 2 - 1)
        behind = torch.arange(W // 2) >= ends
        h = self.encoder(h, src_key_padding_mask=behind)
        return h.masked_fill(behind.unsqueeze(-1), 0).flatten(1)


class Recurrent(Net):
    def make(self) -> None:
        self.rnn = nn.GRU(2, W, batch_first=True)

    def middle(self, h: Tensor) -> Tensor:
        return self.rnn(h.view(-1, W // 2, 2))[0][:, -1]


class LongShort(Net):
    """Two layers with dropout between them, two directions and a projection; then a plain layer."""

    def make(self) -> None:
        options: dict[str, Any] = {"num_layers": 2, "dropout": 0.2, "bidirectional": True, "proj_size": 3}
        self.deep, self.plain = nn.LSTM(2, 4, **options), nn.RNN(6, W, nonlinearity="relu", bias=False)

    def middle(self, h: Tensor) -> Tensor:
        sequence, (last, cells) = self.deep(h.view(-1, W // 2, 2).transpose(0, 1))
        return self.plain(sequence, last[:1].repeat(1, 1, 2) + 0 * cells[:1].mean())[0][-1]


class Packed(Net):
    """Rows of different lengths, packed; their last states."""

    def make(self) -> None:
        self.rnn = nn.LSTM(2, W, batch_first=True, bidirectional=True, proj_size=3)

    def middle(self, h: Tensor) -> Tensor:
        lengths = 1 + (h.view(-1, W // 2, 2)[..., 0].detach() > 0).sum(1).clamp(max=W // 2 - 1)
        rows = nn.utils.rnn.pack_padded_sequence(h.view(-1, W // 2, 2), lengths, True, False)
        return self.rnn(rows)[1][0].transpose(0, 1).flatten(1)


class Cells(Net):
    """Cells, called step by step by the model."""

    def make(self) -> None:
        self.long, self.gated, self.plain = nn.LSTMCell(2, W), nn.GRUCell(W, W), nn.RNNCell(W, W)

    def middle(self, h: Tensor) -> Tensor:
        states, g, p = None, torch.zeros_like(h), h
        for x in h.view(-1, W // 2, 2).unbind(1):
            states = self.long(x, states)
            g = self.gated(states[0], g)
            p = self.plain(g, p)
        return p
