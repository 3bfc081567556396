/* pocketvisor._native: loads libunicorn by its full path, then shows what pocketvisor._engine holds.
 *
 * The engine is a second library because the dynamic linker resolves what a library needs before any of its
 * code runs, and finds libunicorn beside an installed package alone, not beside an editable one. Once the
 * wheel's libunicorn is in the process, the linker takes it by its name.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <dlfcn.h>

/* The folder of the unicorn package, which is found but not imported. */
static PyObject *unicorn_folder(void) {
    PyObject *folder = NULL, *spec = NULL, *places = NULL;
    PyObject *util = PyImport_ImportModule("importlib.util");
    if (util)
        spec = PyObject_CallMethod(util, "find_spec", "s", "unicorn");
    if (spec && spec != Py_None)
        places = PyObject_GetAttrString(spec, "submodule_search_locations");
    else if (spec)
        PyErr_SetString(PyExc_ImportError,
                        "the unicorn package is not installed: pip install unicorn==2.1.4");
    if (places)
        folder = PySequence_GetItem(places, 0);
    Py_XDECREF(places);
    Py_XDECREF(spec);
    Py_XDECREF(util);
    return folder;
}

static int load_unicorn(void) {
    PyObject *folder = unicorn_folder();
    if (!folder)
        return -1;
    PyObject *path = PyUnicode_FromFormat("%U/lib/libunicorn.so.2", folder), *bytes = NULL;
    Py_DECREF(folder);
    int result = -1;
    if (path && PyUnicode_FSConverter(path, &bytes)) {
        /* Never closed: the engine's code stays for the process's life. */
        if (dlopen(PyBytes_AS_STRING(bytes), RTLD_NOW | RTLD_LOCAL))
            result = 0;
        else
            PyErr_Format(PyExc_ImportError, "libunicorn cannot be loaded: %s", dlerror());
    }
    Py_XDECREF(bytes);
    Py_XDECREF(path);
    return result;
}

static int fill(PyObject *module) {
    if (load_unicorn() < 0)
        return -1;
    PyObject *engine = PyImport_ImportModule("pocketvisor._engine");
    if (!engine)
        return -1;
    PyObject *key, *value;
    Py_ssize_t position = 0;
    int result = 0;
    while (result == 0 && PyDict_Next(PyModule_GetDict(engine), &position, &key, &value))
        if (PyUnicode_Check(key) && PyUnicode_GET_LENGTH(key) && PyUnicode_READ_CHAR(key, 0) != '_')
            result = PyObject_SetAttr(module, key, value);
    Py_DECREF(engine);
    return result;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pocketvisor._native",
    .m_doc = "The engine and the board's fast half, in C.",
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__native(void) {
    return PyModuleDef_Init(&definition);
}
