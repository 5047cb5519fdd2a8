"""Networks that use every kind of operation with a translation to machine code."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Picture(nn.Module):
    """Digits as pictures: all options of convolutions, pools, batch and group norm."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Unflatten(1, (1, 8, 8)),
            nn.Conv2d(1, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.Tanh(),
            nn.MaxPool2d(3, stride=2, padding=1),
            nn.Conv2d(4, 8, 3, padding=2, dilation=2, groups=4, bias=False),
            nn.GroupNorm(2, 8),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(8, 8, 2, stride=2),
            nn.Tanh(),
            nn.Flatten(),
        )
        self.line = nn.Conv1d(1, 2, 3, stride=2, padding=1)
        self.act = nn.Tanh()
        self.head = nn.Linear(8 + 2 * 32, 10)

    def forward(self, x: Tensor) -> Tensor:
        line = self.act(self.line(x[:, None])).flatten(1)
        return self.head(torch.cat([self.features(x), line], 1))


class Sentence(nn.Module):
    """Digits as words: embedding, attention that looks back, layer norm, dropout, LSTM, tied weights."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.words = nn.Embedding(9, width, padding_idx=0)
        self.norm, self.all = nn.LayerNorm(width), nn.Linear(width, 3 * width)
        self.back, self.up = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.act, self.drop = nn.GELU(), nn.Dropout(0.2)
        self.down, self.memory = nn.Linear(2 * width, width), nn.LSTM(width, width, batch_first=True)
        self.slopes, self.scale = nn.PReLU(), nn.RMSNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        h = self.words((2 * x[:, 20:28]).abs().long().clamp(0, 8))
        q, k, v = (part.unflatten(2, (2, -1)).transpose(1, 2) for part in self.all(self.norm(h)).chunk(3, 2))
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
        h = h + self.drop(self.back(seen))
        h = self.scale(h + self.down(self.act(self.up(h))))
        h = self.slopes(self.memory(h)[0][:, -1])
        return F.linear(h, self.up.weight[:10])  # tied


class Encoder(nn.Module):
    """Digits as lines: torch's encoder layer, whose attention drops out, and a transposed convolution."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(width, 2, 2 * width, 0.1, nn.Tanh(), batch_first=True)
        self.wider, self.last = nn.ConvTranspose1d(8, 4, 3, stride=2), nn.Linear(4 * 17, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.wider(self.layer(x.unflatten(1, (8, 8)))).flatten(1))


def encoder() -> nn.Module:
    """`Encoder`"""
    return Encoder()


def picture() -> nn.Module:
    """`Picture`"""
    return Picture()


def sentence() -> nn.Module:
    """`Sentence`"""
    return Sentence()


class ThreeNumbers(nn.Module):
    """ACON-C (Ma et al. 2021, arXiv 2009.04759): an activation that learns three numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.p, self.q = nn.Parameter(torch.ones(1)), nn.Parameter(torch.zeros(()))
        self.beta = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        apart = (self.p - self.q) * x
        return apart * torch.sigmoid(self.beta * apart) + self.q * x
