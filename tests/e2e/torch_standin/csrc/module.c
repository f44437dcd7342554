/* torch._C: knows the architectures that the kernels beside it were compiled for, and needs no GPU to say so. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *get_arch_flags(PyObject *self, PyObject *args) {
    (void)self;
    (void)args;
    return PyUnicode_FromString(TORCH_CUDA_ARCH_FLAGS);
}

static PyMethodDef methods[] = {
    {"_cuda_getArchFlags", get_arch_flags, METH_NOARGS, "The architectures compiled for, separated by blanks."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "torch._C", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__C(void) {
    return PyModule_Create(&module);
}
