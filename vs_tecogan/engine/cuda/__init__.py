"""CUDA devices, by cuDNN and the project's kernels."""
