"""Trains the small CNN of train_torch.py from DALI: the same program with another backend, and the same batches.

    python examples/train_dali.py                       # takes the arguments of train_torch.py

It needs `pip install 'dataprep-images[dali,torch]'`. Without a GPU, DALI decodes and augments on the CPU.
"""

import torch
from train_torch import main

import dataprep as dp

if __name__ == "__main__":
    main(backend=dp.Dali(device="gpu" if torch.cuda.is_available() else "cpu"))
