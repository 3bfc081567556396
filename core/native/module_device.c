/* Devices in Python: the calls from the vCPU's thread into them, and what their exceptions become. */
#include "module.h"

#include <stdio.h>
#include <string.h>

#define METHOD(function) ((PyCFunction)(void (*)(void))function)

/* The pending exception ends the run with a sentence; it must not go through the engine's frames. `what` is
 * what failed: "The device NAME", say. */
static void failed(MachineObject *owner, const char *what, const char *name, const char *method) {
    char sentence[MACHINE_ERROR];
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    PyObject *text = value ? PyObject_Str(value) : NULL;
    const char *words = text ? PyUnicode_AsUTF8(text) : NULL;
    snprintf(sentence, sizeof sentence, "%s%s failed%s%s: %s: %s", what, name, *method ? " in " : "", method,
             type ? ((PyTypeObject *)type)->tp_name : "?", words ? words : "?");
    PyErr_Clear();
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    machine_fail(owner->machine, sentence);
}

struct call {
    PyGILState_STATE gil;
    bool within;
    unsigned long caller;
};

/* A device may be called from within a call of another's: what was before comes back. */
static struct call enter(MachineObject *owner) {
    struct call call = {.gil = PyGILState_Ensure()};
    call.within = owner->in_device;
    call.caller = owner->caller;
    owner->in_device = true;
    owner->caller = PyThread_get_thread_ident();
    return call;
}

static void leave(MachineObject *owner, struct call call) {
    owner->in_device = call.within;
    owner->caller = call.caller;
    PyGILState_Release(call.gil);
}

/* Takes the answer of a call that answers nothing. */
static void done(struct python_device *device, const char *method, PyObject *answer) {
    if (!answer)
        failed(device->owner, "The device ", device->name, method);
    Py_XDECREF(answer);
}

static uint64_t take_number(PyObject *answer) {
    uint64_t value = answer ? PyLong_AsUnsignedLongLongMask(answer) : 0;
    Py_XDECREF(answer);
    return PyErr_Occurred() ? 0 : value;
}

static uint64_t device_read(void *pointer, uint32_t offset, unsigned size) {
    struct python_device *device = pointer;
    if (device->window.obj && (Py_ssize_t)offset + size <= device->window.len) {
        uint64_t shown = 0;
        memcpy(&shown, (const uint8_t *)device->window.buf + offset, size);
        return shown;
    }
    struct call call = enter(device->owner);
    uint64_t value = take_number(PyObject_CallMethod(device->object, "read", "II", (unsigned)offset, size));
    if (PyErr_Occurred())
        failed(device->owner, "The device ", device->name, "read()");
    leave(device->owner, call);
    return value;
}

static void device_write(void *pointer, uint32_t offset, unsigned size, uint64_t value) {
    struct python_device *device = pointer;
    struct call call = enter(device->owner);
    done(device, "write()",
         PyObject_CallMethod(device->object, "write", "IIK", (unsigned)offset, size,
                             (unsigned long long)value));
    leave(device->owner, call);
}

static void device_reset(void *pointer) {
    struct python_device *device = pointer;
    struct call call = enter(device->owner);
    done(device, "reset()", PyObject_CallMethod(device->object, "reset", NULL));
    leave(device->owner, call);
}

static void device_alarm(void *pointer) {
    struct python_device *device = pointer;
    struct call call = enter(device->owner);
    done(device, "alarm()", PyObject_CallMethod(device->object, "alarm", NULL));
    leave(device->owner, call);
}

static void device_event(void *pointer, const uint8_t *payload, uint32_t size) {
    struct python_device *device = pointer;
    struct call call = enter(device->owner);
    done(device, "event()", PyObject_CallMethod(device->object, "event", "y#", payload, (Py_ssize_t)size));
    leave(device->owner, call);
}

const struct device_ops python_device_ops = {
    .name = "python",
    .read = device_read,
    .write = device_write,
    .reset = device_reset,
};
const struct machine_device_hooks python_device_hooks = {device_event, device_alarm};

static PyObject *set_window(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"device", "content", NULL};
    uint32_t index;
    PyObject *content;
    Py_buffer window = {.obj = NULL};
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&O", names, module_u32, &index, &content) ||
        !module_require_inside(self))
        return NULL;
    if (index >= self->device_count)
        return PyErr_Format(PyExc_ValueError, "there is no device %u", index);
    if (content != Py_None && PyObject_GetBuffer(content, &window, PyBUF_SIMPLE) < 0)
        return NULL;
    PyBuffer_Release(&self->devices[index].window);
    self->devices[index].window = window;
    Py_RETURN_NONE;
}

/* Semihosting. */

static uint32_t semihosting_call(void *pointer, uint32_t operation, uint32_t parameter) {
    MachineObject *self = pointer;
    struct call call = enter(self);
    PyObject *callable = Py_NewRef(self->semihosting); /* it may take itself away */
    uint64_t answer =
        take_number(PyObject_CallFunction(callable, "II", (unsigned)operation, (unsigned)parameter));
    if (PyErr_Occurred())
        failed(self, "Semihosting", "", "");
    Py_DECREF(callable);
    leave(self, call);
    return (uint32_t)answer;
}

static PyObject *set_semihosting(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"callable", NULL};
    PyObject *callable;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O", names, &callable) ||
        !module_require_still(self))
        return NULL;
    callable = callable == Py_None ? NULL : Py_NewRef(callable);
    Py_XSETREF(self->semihosting, callable);
    machine_set_semihosting(self->machine, callable ? semihosting_call : NULL, self);
    Py_RETURN_NONE;
}

/* Replays. */

static void follower_call(void *pointer, const struct event *event) {
    MachineObject *self = pointer;
    struct call call = enter(self);
    PyObject *callable = Py_NewRef(self->follower); /* it may take itself away */
    PyObject *answer = PyObject_CallFunction(callable, "IIy#", (unsigned)event->kind, (unsigned)event->target,
                                             (const char *)event->payload, (Py_ssize_t)event->size);
    if (!answer)
        failed(self, "What follows the replay", "", "");
    Py_XDECREF(answer);
    Py_DECREF(callable);
    leave(self, call);
}

static PyObject *follow_replay(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"callable", NULL};
    PyObject *callable;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O", names, &callable) ||
        !module_require_still(self))
        return NULL;
    callable = callable == Py_None ? NULL : Py_NewRef(callable);
    Py_XSETREF(self->follower, callable);
    machine_follow_replay(self->machine, callable ? follower_call : NULL, self);
    Py_RETURN_NONE;
}

static PyObject *print(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"console", "data", NULL};
    uint32_t console;
    Py_buffer data;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&y*", names, module_u32, &console, &data))
        return NULL;
    PyObject *answer = NULL;
    if (!module_require_device(self))
        ;
    else if (!machine_print(self->machine, console, data.buf, (size_t)data.len))
        PyErr_Format(PyExc_ValueError, "there is no console %u", console);
    else
        answer = Py_NewRef(Py_None);
    PyBuffer_Release(&data);
    return answer;
}

PyMethodDef machine_device_methods[] = {
    {"print", METHOD(print), METH_VARARGS | METH_KEYWORDS,
     "print($self, /, console, data)\n--\n\nOutput as if the UART had sent it, within a device's own call."},
    {"follow_replay", METHOD(follow_replay), METH_VARARGS | METH_KEYWORDS,
     "follow_replay($self, /, callable)\n--\n\nWho hears of a log's virtio events before they are applied."},
    {"set_semihosting", METHOD(set_semihosting), METH_VARARGS | METH_KEYWORDS,
     "set_semihosting($self, /, callable)\n--\n\nWho answers semihosting calls; None: nobody."},
    {"set_window", METHOD(set_window), METH_VARARGS | METH_KEYWORDS,
     "set_window($self, /, device, content)\n--\n\nWhat reads of a device are answered from."},
    {NULL, NULL, 0, NULL},
};
