/* Machine's methods on what a machine that stands still is: recording, state. */
#include "module.h"

#include <stdlib.h>
#include <string.h>

#define METHOD(function) ((PyCFunction)(void (*)(void))function)

static PyObject *translate(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"address", NULL};
    uint32_t address, physical;
    int rights;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&", names, module_u32, &address) ||
        !module_require_inside(self))
        return NULL;
    bool mapped;
    Py_BEGIN_ALLOW_THREADS; /* page tables may have to be waited for */
    mapped = vcpu_translate(machine_vcpu(self->machine), address, &physical, &rights);
    Py_END_ALLOW_THREADS;
    if (!mapped)
        Py_RETURN_NONE;
    return Py_BuildValue("(Ii)", (unsigned)physical, rights);
}

static PyObject *record(MachineObject *self, PyObject *unused) {
    (void)unused;
    if (!module_require_still(self))
        return NULL;
    machine_events(self->machine)->recording = true;
    Py_RETURN_NONE;
}

static PyObject *stop_recording(MachineObject *self, PyObject *unused) {
    (void)unused;
    if (!module_require_still(self))
        return NULL;
    machine_events(self->machine)->recording = false;
    Py_RETURN_NONE;
}

static PyObject *take_log(MachineObject *self, PyObject *unused) {
    (void)unused;
    size_t size;
    uint8_t *log = event_take_log(machine_events(self->machine), &size);
    PyObject *answer = PyBytes_FromStringAndSize((const char *)log, (Py_ssize_t)size);
    free(log);
    return answer;
}

static PyObject *replay(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"log", NULL};
    Py_buffer log;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "y*", names, &log))
        return NULL;
    uint8_t *copy = module_require_still(self) ? malloc((size_t)log.len + 1) : NULL;
    size_t size = (size_t)log.len;
    if (copy)
        memcpy(copy, log.buf, size);
    PyBuffer_Release(&log);
    if (!copy)
        return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    if (!event_replay(machine_events(self->machine), copy, size)) {
        PyErr_SetString(PyExc_ValueError, "the log is malformed");
        return NULL;
    }
    Py_RETURN_NONE;
}

/* State. A field of one element is an int, of several a list, of several bytes bytes. */

static uint64_t get_element(const uint8_t *at, unsigned size) {
    uint64_t value = 0;
    memcpy(&value, at, size);
    return value;
}

static PyObject *field_value(const uint8_t *state, const struct state_field *field) {
    const uint8_t *at = state + field->offset;
    if (field->count == 1)
        return PyLong_FromUnsignedLongLong(get_element(at, field->size));
    if (field->size == 1)
        return PyBytes_FromStringAndSize((const char *)at, field->count);
    PyObject *list = PyList_New(field->count);
    for (uint32_t index = 0; list && index < field->count; index++) {
        PyObject *item =
            PyLong_FromUnsignedLongLong(get_element(at + (size_t)index * field->size, field->size));
        if (!item)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, index, item);
    }
    return list;
}

static bool set_item(PyObject *dict, const char *name, PyObject *value) {
    int result = value ? PyDict_SetItemString(dict, name, value) : -1;
    Py_XDECREF(value);
    return result == 0;
}

static PyObject *part_dict(const struct machine_part *part) {
    PyObject *dict = PyDict_New();
    for (const struct state_field *field = part->fields; dict && field->name; field++)
        if (!set_item(dict, field->name, field_value(part->state, field)))
            Py_CLEAR(dict);
    return dict;
}

/* The engine's block of the CPU. */
static PyObject *vcpu_block(MachineObject *self) {
    struct vcpu *vcpu = machine_vcpu(self->machine);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)vcpu_state_size(vcpu));
    if (bytes)
        vcpu_save(vcpu, PyBytes_AS_STRING(bytes));
    return bytes;
}

static PyObject *save(MachineObject *self, PyObject *unused) {
    (void)unused;
    if (!module_require_still(self))
        return NULL;
    PyObject *state = PyDict_New();
    if (!state || !set_item(state, "engine", PyUnicode_FromString(vcpu_engine)) ||
        !set_item(state, "cpu", vcpu_block(self))) {
        Py_XDECREF(state);
        return NULL;
    }
    struct machine_part part;
    for (unsigned index = 0; machine_part(self->machine, index, &part); index++)
        if (!set_item(state, part.name, part_dict(&part))) {
            Py_DECREF(state);
            return NULL;
        }
    return state;
}

static bool set_element(uint8_t *at, unsigned size, PyObject *value) {
    uint64_t number;
    if (!module_u64(value, &number))
        return false;
    if (size < 8 && number >> size * 8) {
        PyErr_SetString(PyExc_ValueError, "a number is too large");
        return false;
    }
    memcpy(at, &number, size);
    return true;
}

static bool set_field(uint8_t *at, const struct state_field *field, PyObject *value) {
    if (field->count == 1)
        return set_element(at, field->size, value);
    if (field->size == 1) {
        if (!PyBytes_Check(value) || PyBytes_GET_SIZE(value) != (Py_ssize_t)field->count) {
            PyErr_SetString(PyExc_ValueError, "bytes of another length were expected");
            return false;
        }
        memcpy(at, PyBytes_AS_STRING(value), field->count);
        return true;
    }
    PyObject *list = PySequence_Fast(value, "a list was expected");
    bool good = list != NULL;
    if (good && PySequence_Fast_GET_SIZE(list) != (Py_ssize_t)field->count) {
        PyErr_SetString(PyExc_ValueError, "a list of another length was expected");
        good = false;
    }
    for (uint32_t index = 0; good && index < field->count; index++)
        good =
            set_element(at + (size_t)index * field->size, field->size, PySequence_Fast_GET_ITEM(list, index));
    Py_XDECREF(list);
    return good;
}

/* Turns whatever went wrong into a ValueError that names the place. */
static bool wrong(const char *part, const char *field) {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    if (value)
        PyErr_Format(PyExc_ValueError, "state of %s, %s: %S", part, field, value);
    else
        PyErr_Format(PyExc_ValueError, "state of %s, %s: it is missing", part, field);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return false;
}

static size_t fields_size(const struct state_field *fields) {
    size_t size = 0;
    for (; fields->name; fields++)
        size += (size_t)fields->size * fields->count;
    return size;
}

/* All fields of all parts, one after the other: a copy of the machine to go back to, or the state to come. */
static size_t state_size(MachineObject *self) {
    struct machine_part part;
    size_t size = 0;
    for (unsigned index = 0; machine_part(self->machine, index, &part); index++)
        size += fields_size(part.fields);
    return size;
}

static bool parse_state(MachineObject *self, PyObject *state, uint8_t *at) {
    struct machine_part part;
    for (unsigned index = 0; machine_part(self->machine, index, &part); index++) {
        PyObject *dict = PyDict_GetItemString(state, part.name);
        if (!dict || !PyDict_Check(dict)) {
            PyErr_Format(PyExc_ValueError, "the state lacks %s", part.name);
            return false;
        }
        for (const struct state_field *field = part.fields; field->name; field++) {
            PyObject *value = PyDict_GetItemString(dict, field->name);
            size_t size = (size_t)field->size * field->count;
            if (!value && field->later)
                memset(at, 0, size);
            else if (!value || !set_field(at, field, value))
                return wrong(part.name, field->name);
            at += size;
        }
    }
    return true;
}

static void copy_state(MachineObject *self, uint8_t *flat, bool into_machine) {
    struct machine_part part;
    for (unsigned index = 0; machine_part(self->machine, index, &part); index++)
        for (const struct state_field *field = part.fields; field->name; field++) {
            uint8_t *place = (uint8_t *)part.state + field->offset;
            size_t size = (size_t)field->size * field->count;
            memcpy(into_machine ? place : flat, into_machine ? flat : place, size);
            flat += size;
        }
}

/* The engine's block first: restoring it forgets the rest of the vCPU. */
static bool put_state(MachineObject *self, const void *block, size_t block_size, uint8_t *flat) {
    char error[MACHINE_ERROR];
    if (!vcpu_restore(machine_vcpu(self->machine), block, block_size)) {
        PyErr_SetString(PyExc_ValueError, "the state of the CPU is not possible");
        return false;
    }
    struct clock *clock = machine_clock(self->machine);
    uint32_t tick_ps = clock->tick_ps;
    copy_state(self, flat, true);
    if (!machine_restored(self->machine, error)) {
        clock->tick_ps = tick_ps;
        PyErr_SetString(PyExc_ValueError, error);
        return false;
    }
    clock_set_rate(clock, tick_ps); /* the rate is this handset's, the time the guest's */
    return true;
}

static PyObject *restore(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"state", NULL};
    PyObject *state;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O!", names, &PyDict_Type, &state) ||
        !module_require_still(self))
        return NULL;
    PyObject *engine = PyDict_GetItemString(state, "engine"), *block = PyDict_GetItemString(state, "cpu");
    if (!engine || !PyUnicode_Check(engine) || PyUnicode_CompareWithASCIIString(engine, vcpu_engine) != 0)
        return PyErr_Format(PyExc_ValueError, "the state is of the engine %R, not %s",
                            engine ? engine : Py_None, vcpu_engine);
    if (!block || !PyBytes_Check(block))
        return PyErr_Format(PyExc_ValueError, "the state lacks cpu");
    size_t size = state_size(self), block_size = vcpu_state_size(machine_vcpu(self->machine));
    uint8_t *wanted = malloc(size), *before = malloc(size), *block_before = malloc(block_size);
    bool good = wanted && before && block_before;
    if (!good)
        PyErr_NoMemory();
    good = good && parse_state(self, state, wanted);
    if (good) {
        copy_state(self, before, false);
        vcpu_save(machine_vcpu(self->machine), block_before);
        good = put_state(self, PyBytes_AS_STRING(block), (size_t)PyBytes_GET_SIZE(block), wanted);
        if (!good) { /* as if nothing had been tried */
            PyObject *type, *value, *trace;
            PyErr_Fetch(&type, &value, &trace);
            put_state(self, block_before, block_size, before);
            PyErr_Restore(type, value, trace);
        }
    }
    free(wanted);
    free(before);
    free(block_before);
    return good ? Py_NewRef(Py_None) : NULL;
}

PyMethodDef machine_state_methods[] = {
    {"translate", METHOD(translate), METH_VARARGS | METH_KEYWORDS,
     "translate($self, /, address)\n--\n\n(physical address, rights) of a virtual address, or None."},
    {"record", METHOD(record), METH_NOARGS, "record($self, /)\n--\n\nBegins to log events."},
    {"stop_recording", METHOD(stop_recording), METH_NOARGS,
     "stop_recording($self, /)\n--\n\nLogs no events any more; what was logged stays to be taken."},
    {"take_log", METHOD(take_log), METH_NOARGS,
     "take_log($self, /)\n--\n\nWhat was logged since the last call."},
    {"replay", METHOD(replay), METH_VARARGS | METH_KEYWORDS,
     "replay($self, /, log)\n--\n\nTakes events from a log, and from nowhere else."},
    {"save", METHOD(save), METH_NOARGS, "save($self, /)\n--\n\nThe state of everything but memory."},
    {"restore", METHOD(restore), METH_VARARGS | METH_KEYWORDS,
     "restore($self, /, state)\n--\n\nPuts a saved state back, wholly or not at all."},
    {NULL, NULL, 0, NULL},
};
