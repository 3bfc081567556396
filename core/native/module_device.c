/* Devices in Python: the calls from the vCPU's thread into them, and what their exceptions become. */
#include "module.h"

#include <stdio.h>

/* The pending exception ends the run with a sentence; it must not go through the engine's frames. */
static void failed(struct python_device *device, const char *method) {
    char sentence[MACHINE_ERROR];
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    PyObject *text = value ? PyObject_Str(value) : NULL;
    const char *words = text ? PyUnicode_AsUTF8(text) : NULL;
    snprintf(sentence, sizeof sentence, "The device %s failed in %s(): %s: %s", device->name, method,
             type ? ((PyTypeObject *)type)->tp_name : "?", words ? words : "?");
    PyErr_Clear();
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    machine_fail(device->owner->machine, sentence);
}

/* Takes the answer of a call that answers nothing. */
static void done(struct python_device *device, const char *method, PyObject *answer) {
    if (!answer)
        failed(device, method);
    Py_XDECREF(answer);
}

static uint64_t device_read(void *pointer, uint32_t offset, unsigned size) {
    struct python_device *device = pointer;
    uint64_t value = 0;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *answer = PyObject_CallMethod(device->object, "read", "II", (unsigned)offset, size);
    if (answer)
        value = PyLong_AsUnsignedLongLongMask(answer);
    if (PyErr_Occurred()) {
        failed(device, "read");
        value = 0;
    }
    Py_XDECREF(answer);
    PyGILState_Release(gil);
    return value;
}

static void device_write(void *pointer, uint32_t offset, unsigned size, uint64_t value) {
    struct python_device *device = pointer;
    PyGILState_STATE gil = PyGILState_Ensure();
    done(device, "write",
         PyObject_CallMethod(device->object, "write", "IIK", (unsigned)offset, size,
                             (unsigned long long)value));
    PyGILState_Release(gil);
}

static void device_call(void *pointer, const char *method) {
    struct python_device *device = pointer;
    PyGILState_STATE gil = PyGILState_Ensure();
    done(device, method, PyObject_CallMethod(device->object, method, NULL));
    PyGILState_Release(gil);
}

static void device_reset(void *pointer) {
    device_call(pointer, "reset");
}

static void device_alarm(void *pointer) {
    device_call(pointer, "alarm");
}

static void device_event(void *pointer, const uint8_t *payload, uint32_t size) {
    struct python_device *device = pointer;
    PyGILState_STATE gil = PyGILState_Ensure();
    done(device, "event", PyObject_CallMethod(device->object, "event", "y#", payload, (Py_ssize_t)size));
    PyGILState_Release(gil);
}

const struct device_ops python_device_ops = {
    .name = "python",
    .read = device_read,
    .write = device_write,
    .reset = device_reset,
};
const struct machine_device_hooks python_device_hooks = {device_event, device_alarm};
