"""The CUDA engines: kernels in CUDA C++, and the Python that feeds them.

Like all kernels these modules take and give arrays; name the module you want. CuPy is loaded when a device is
looked for.
"""
