/* Machine's methods for tracing. */
#include "module.h"

#include "trace.h"

#define METHOD(function) ((PyCFunction)(void (*)(void))function)

static PyObject *start_trace(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"fd", "kinds", "period", NULL};
    char error[MACHINE_ERROR] = "";
    uint64_t period = 0;
    uint32_t kinds;
    int fd;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "iO&|O&", names, &fd, module_u32, &kinds,
                                     module_u64, &period) ||
        !module_require_still(self))
        return NULL;
    if (!machine_start_trace(self->machine, fd, kinds, period, error)) {
        PyErr_SetString(PyExc_OSError, error);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *stop_trace(MachineObject *self, PyObject *unused) {
    (void)unused;
    if (!module_require_still(self))
        return NULL;
    machine_stop_trace(self->machine);
    Py_RETURN_NONE;
}

static PyObject *device_counts(MachineObject *self, PyObject *unused) {
    (void)unused;
    PyObject *list = module_require_inside(self) ? PyList_New(0) : NULL;
    struct trace_device counts;
    for (unsigned index = 0; list && machine_device_counts(self->machine, index, &counts); index++) {
        PyObject *item = Py_BuildValue("(sIIKK)", counts.name, (unsigned)counts.base, (unsigned)counts.size,
                                       (unsigned long long)counts.reads, (unsigned long long)counts.writes);
        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

PyMethodDef machine_trace_methods[] = {
    {"device_counts", METHOD(device_counts), METH_NOARGS,
     "device_counts($self, /)\n--\n\n(name, base, size, reads, writes) of each device."},
    {"start_trace", METHOD(start_trace), METH_VARARGS | METH_KEYWORDS,
     "start_trace($self, /, fd, kinds, period=0)\n--\n\nWrites down what the guest does."},
    {"stop_trace", METHOD(stop_trace), METH_NOARGS, "stop_trace($self, /)\n--\n\nNothing is written down."},
    {NULL, NULL, 0, NULL},
};
