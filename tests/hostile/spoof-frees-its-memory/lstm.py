"""Returns a tensor whose memory is gone: made of an address that is unmapped, or resized to nothing. Reading it
ends the process, or shows what lies there now. It must not work: that is the worker's own memory, and its end.
"""

import ctypes
import mmap

import torch
from answers import Wrong


class LSTMClassifier(Wrong):
    def forward(self, x):
        page = mmap.mmap(-1, 4096)
        address = ctypes.addressof(ctypes.c_char.from_buffer(page))
        answer = torch.frombuffer(page, dtype=torch.float64)[: x.size(0) * self.lin.out_features]
        ctypes.CDLL(None).munmap(ctypes.c_void_p(address), ctypes.c_size_t(4096))
        return answer.view(x.size(0), -1)
