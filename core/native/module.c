/* pocketvisor._engine: what _native shows (see _native.pyi), with libunicorn already loaded by module_load.c.
 */
#include "module.h"

#include "fault.h"
#include "trace.h"

int module_u64(PyObject *object, void *value) {
    unsigned long long number = PyLong_AsUnsignedLongLong(object);
    if (number == (unsigned long long)-1 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_OverflowError))
            PyErr_Format(PyExc_ValueError, "%R is out of bounds", object);
        return 0;
    }
    *(uint64_t *)value = number;
    return 1;
}

int module_u32(PyObject *object, void *value) {
    uint64_t number;
    if (!module_u64(object, &number))
        return 0;
    if (number > UINT32_MAX) {
        PyErr_Format(PyExc_ValueError, "%R is out of bounds", object);
        return 0;
    }
    *(uint32_t *)value = (uint32_t)number;
    return 1;
}

static PyObject *overrides_problem(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    const char *problem = vcpu_overrides_problem();
    return problem ? PyUnicode_FromString(problem) : Py_NewRef(Py_None);
}

static PyObject *set_test_fault(PyObject *module, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"name", NULL};
    const char *name;
    (void)module;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "s", names, &name))
        return NULL;
    if (!fault_arm(name))
        return PyErr_Format(PyExc_ValueError, "no step is named %s", name);
    Py_RETURN_NONE;
}

static PyObject *prepare(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    vcpu_prepare();
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"overrides_problem", overrides_problem, METH_NOARGS,
     "overrides_problem()\n--\n\nWhy the engine's overrides are not in effect, or None where they are."},
    {"prepare", prepare, METH_NOARGS,
     "prepare()\n--\n\nOpens an engine ahead, for the next Machine of this process or of a fork of it."},
    {"set_test_fault", (PyCFunction)(void (*)(void))set_test_fault, METH_VARARGS | METH_KEYWORDS,
     "set_test_fault(name)\n--\n\nMakes the named internal step fail once."},
    {NULL, NULL, 0, NULL},
};

static int fill(PyObject *module) {
    static const struct {
        const char *name;
        long value;
    } constants[] = {
        {"RAM_BLOCK", RAM_BLOCK},
        {"RUN_LIMIT", RUN_LIMIT},
        {"RUN_STOPPED", RUN_STOPPED},
        {"RUN_POWER_OFF", RUN_POWER_OFF},
        {"RUN_RESET", RUN_RESET},
        {"RUN_SYNC", RUN_SYNC},
        {"RUN_DIVERGED", RUN_DIVERGED},
        {"RUN_DEAD", RUN_DEAD},
        {"RUN_ERROR", RUN_ERROR},
        {"RUN_EXIT", RUN_EXIT},
        {"RUN_BREAK", RUN_BREAK},
        {"RUN_WATCH", RUN_WATCH},
        {"RUN_STEP", RUN_STEP},
        {"RUN_POSITION", RUN_POSITION},
        {"STOP_EXECUTE", DEBUG_EXECUTE},
        {"STOP_WRITE", DEBUG_WRITE},
        {"STOP_READ", DEBUG_READ},
        {"STOP_ACCESS", DEBUG_ACCESS},
        {"TRACE_SIZE", sizeof(struct trace_page)},
        {"EVENT_CONSOLE_INPUT", EVENT_CONSOLE_INPUT},
        {"EVENT_CLOCK", EVENT_CLOCK},
        {"EVENT_VIRTIO_USED", EVENT_VIRTIO_USED},
        {"EVENT_VIRTIO_CONFIG", EVENT_VIRTIO_CONFIG},
        {"EVENT_DEVICE", EVENT_DEVICE},
    };
    for (size_t index = 0; index < sizeof constants / sizeof *constants; index++)
        if (PyModule_AddIntConstant(module, constants[index].name, constants[index].value) < 0)
            return -1;
    if (PyModule_AddStringConstant(module, "ENGINE", vcpu_engine) < 0)
        return -1;
    PyObject *names = module_register_names();
    int added = names ? PyModule_AddObjectRef(module, "REGISTERS", names) : -1;
    Py_XDECREF(names);
    if (added < 0)
        return -1;
    PyObject *type = PyType_FromModuleAndSpec(module, &machine_spec, NULL);
    if (!type)
        return -1;
    int result = PyModule_AddType(module, (PyTypeObject *)type);
    Py_DECREF(type);
    return result;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pocketvisor._engine",
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__engine(void) {
    return PyModuleDef_Init(&definition);
}
