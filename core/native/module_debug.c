/* Machine's methods for a debugger: stops, running to them, registers, memory. See debug.h and _native.pyi.
 */
#include "module.h"

#include <stdlib.h>
#include <string.h>

#include "debug.h"

#define METHOD(function) ((PyCFunction)(void (*)(void))function)

enum { PEEK_MOST = 64 << 20 };

static bool parse_stop(PyObject *item, struct debug_stop *stop) {
    PyObject *tuple = PySequence_Tuple(item);
    uint32_t kind;
    int physical;
    bool good = tuple && PyArg_ParseTuple(tuple, "O&O&O&O&p;a stop is (id, kind, address, size, physical)",
                                          module_u32, &stop->id, module_u32, &kind, module_u32,
                                          &stop->address, module_u32, &stop->size, &physical);
    Py_XDECREF(tuple);
    if (!good)
        return false;
    if (kind > DEBUG_ACCESS || (kind != DEBUG_EXECUTE && !stop->size)) {
        PyErr_SetString(PyExc_ValueError, kind > DEBUG_ACCESS ? "there is no such kind of stop"
                                                              : "a watchpoint has at least one byte");
        return false;
    }
    stop->kind = kind;
    stop->physical = physical;
    return true;
}

static PyObject *set_stops(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"stops", NULL};
    PyObject *stops;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O", names, &stops) || !module_require_still(self))
        return NULL;
    PyObject *list = PySequence_Fast(stops, "stops must be a sequence");
    if (!list)
        return NULL;
    Py_ssize_t count = PySequence_Fast_GET_SIZE(list);
    if (count > DEBUG_STOPS_MAX) {
        Py_DECREF(list);
        return PyErr_Format(PyExc_ValueError, "there are at most %d stops", DEBUG_STOPS_MAX);
    }
    struct debug_stop *parsed = calloc((size_t)count + 1, sizeof *parsed);
    bool good = parsed != NULL;
    for (Py_ssize_t index = 0; good && index < count; index++)
        good = parse_stop(PySequence_Fast_GET_ITEM(list, index), &parsed[index]);
    Py_DECREF(list);
    if (good)
        good = vcpu_set_stops(machine_vcpu(self->machine), parsed, (unsigned)count);
    free(parsed);
    if (good)
        Py_RETURN_NONE;
    return PyErr_Occurred() ? NULL : PyErr_NoMemory();
}

static PyObject *get_stop_hit(MachineObject *self, void *unused) {
    (void)unused;
    if (!module_require_still(self))
        return NULL;
    const struct debug_hit *hit = vcpu_debug_hit(machine_vcpu(self->machine));
    if (!hit)
        Py_RETURN_NONE;
    return Py_BuildValue("(IKIIO)", hit->id, (unsigned long long)hit->position, hit->address, hit->size,
                         hit->is_write ? Py_True : Py_False);
}

static PyObject *note_stops(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"on", NULL};
    int on;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "p", names, &on) || !module_require_still(self))
        return NULL;
    return vcpu_note(machine_vcpu(self->machine), on) ? Py_NewRef(Py_None) : PyErr_NoMemory();
}

static bool append_notes(PyObject *list, const struct debug_hit *notes, size_t count) {
    for (size_t index = 0; index < count; index++) {
        const struct debug_hit *hit = &notes[index];
        long long pc = hit->pc == DEBUG_NO_PC ? -1 : (long long)hit->pc;
        PyObject *note = Py_BuildValue("(IKLIIO)", hit->id, (unsigned long long)hit->position, pc,
                                       hit->address, hit->size, hit->is_write ? Py_True : Py_False);
        int result = note ? PyList_Append(list, note) : -1;
        Py_XDECREF(note);
        if (result < 0)
            return false;
    }
    return true;
}

static PyObject *noted(MachineObject *self, PyObject *unused) {
    (void)unused;
    const struct debug_hit *notes, *more;
    size_t count, more_count;
    if (!module_require_still(self))
        return NULL;
    uint64_t all = vcpu_noted(machine_vcpu(self->machine), &notes, &count, &more, &more_count);
    PyObject *list = PyList_New(0);
    if (!list || !append_notes(list, notes, count) || !append_notes(list, more, more_count)) {
        Py_XDECREF(list);
        return NULL;
    }
    return Py_BuildValue("(KN)", (unsigned long long)all, list);
}

static PyObject *get_position(MachineObject *self, void *unused) {
    (void)unused;
    return module_require_still(self) ? PyLong_FromUnsignedLongLong(machine_clock(self->machine)->bytes)
                                      : NULL;
}

static PyObject *get_in_block(MachineObject *self, void *unused) {
    (void)unused;
    return module_require_still(self) ? PyBool_FromLong(vcpu_in_block(machine_vcpu(self->machine))) : NULL;
}

static PyObject *set_watched_pace(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"on", NULL};
    int on;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "p", names, &on) || !module_require_made(self))
        return NULL;
    machine_set_watched_pace(self->machine, on);
    Py_RETURN_NONE;
}

static PyObject *registers(MachineObject *self, PyObject *unused) {
    (void)unused;
    PyObject *dict = module_require_still(self) ? PyDict_New() : NULL;
    for (const struct debug_register *reg = debug_registers; dict && reg->name; reg++) {
        PyObject *value = PyLong_FromUnsignedLongLong(vcpu_read_named(machine_vcpu(self->machine), reg));
        if (!value || PyDict_SetItemString(dict, reg->name, value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(value);
    }
    return dict;
}

/* The register and its value, or NULL with an exception. */
static const struct debug_register *parse_register(PyObject *key, PyObject *value, uint64_t *number) {
    const char *name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : NULL;
    const struct debug_register *reg = name ? debug_register_named(name) : NULL;
    if (PyErr_Occurred())
        return NULL;
    if (!reg || reg->read_only) {
        PyErr_Format(PyExc_ValueError, reg ? "%R cannot be written" : "there is no register %R", key);
        return NULL;
    }
    if (!module_u64(value, number))
        return NULL;
    if (reg->bits < 64 && *number >> reg->bits) {
        PyErr_Format(PyExc_ValueError, "%R is out of bounds", value);
        return NULL;
    }
    return reg;
}

static PyObject *set_cpu(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"registers", NULL};
    PyObject *given, *key, *value;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O!", names, &PyDict_Type, &given) ||
        !module_require_still(self))
        return NULL;
    /* First a look at all of them. Then CPSR, whatever the order: it decides about banks, and the PC about
     * Thumb. */
    for (int pass = 0; pass < 3; pass++)
        for (Py_ssize_t position = 0; PyDict_Next(given, &position, &key, &value);) {
            uint64_t number;
            const struct debug_register *reg = parse_register(key, value, &number);
            if (!reg)
                return NULL;
            if (pass == (strcmp(reg->name, "cpsr") == 0 ? 1 : 2) &&
                !machine_set_register(self->machine, reg, number))
                return PyErr_Format(PyExc_ValueError, "%R cannot be 0x%llx", key, number);
        }
    Py_RETURN_NONE;
}

static PyObject *peek(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"address", "size", "physical", NULL};
    uint32_t address;
    uint64_t size;
    int physical = 0;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&O&|$p", names, module_u32, &address, module_u64,
                                     &size, &physical) ||
        !module_require_still(self))
        return NULL;
    if (size > PEEK_MOST)
        return PyErr_Format(PyExc_ValueError, "at most %d bytes are read at a time", PEEK_MOST);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (!bytes)
        return NULL;
    size_t done;
    char *to = PyBytes_AS_STRING(bytes);
    self->running = true; /* keeps others out: the memory may have to be waited for */
    Py_BEGIN_ALLOW_THREADS;
    done = vcpu_peek(machine_vcpu(self->machine), address, to, (size_t)size, physical);
    Py_END_ALLOW_THREADS;
    self->running = false;
    if (done < size)
        _PyBytes_Resize(&bytes, (Py_ssize_t)done);
    return bytes;
}

static PyObject *poke(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"address", "data", "physical", NULL};
    uint32_t address;
    Py_buffer data;
    int physical = 0;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&y*|$p", names, module_u32, &address, &data,
                                     &physical))
        return NULL;
    PyObject *answer = NULL;
    if (module_require_still(self)) {
        size_t done;
        self->running = true;
        Py_BEGIN_ALLOW_THREADS;
        done = vcpu_poke(machine_vcpu(self->machine), address, data.buf, (size_t)data.len, physical);
        Py_END_ALLOW_THREADS;
        self->running = false;
        answer = PyLong_FromSize_t(done);
    }
    PyBuffer_Release(&data);
    return answer;
}

PyObject *module_register_names(void) {
    Py_ssize_t count = 0;
    while (debug_registers[count].name)
        count++;
    PyObject *tuple = PyTuple_New(count);
    for (Py_ssize_t index = 0; tuple && index < count; index++) {
        PyObject *item = Py_BuildValue("(si)", debug_registers[index].name, debug_registers[index].bits);
        if (!item)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, index, item);
    }
    return tuple;
}

PyGetSetDef machine_debug_attributes[] = {
    {"stop_hit", (getter)get_stop_hit, NULL, "The stop of the last RUN_BREAK or RUN_WATCH, or None.", NULL},
    {"position", (getter)get_position, NULL, "Where in its life the guest is.", NULL},
    {"in_block", (getter)get_in_block, NULL, "Whether that is in the midst of a block.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyMethodDef machine_debug_methods[] = {
    {"set_stops", METHOD(set_stops), METH_VARARGS | METH_KEYWORDS,
     "set_stops($self, /, stops)\n--\n\nReplaces all breakpoints and watchpoints."},
    {"note_stops", METHOD(note_stops), METH_VARARGS | METH_KEYWORDS,
     "note_stops($self, /, on)\n--\n\nStops are noted, and nothing stops there."},
    {"noted", METHOD(noted), METH_NOARGS, "noted($self, /)\n--\n\nHow many, and the last of them."},
    {"set_watched_pace", METHOD(set_watched_pace), METH_VARARGS | METH_KEYWORDS,
     "set_watched_pace($self, /, on)\n--\n\nWhether a replay keeps real time's pace."},
    {"registers", METHOD(registers), METH_NOARGS, "registers($self, /)\n--\n\nRegisters by name."},
    {"set_cpu", METHOD(set_cpu), METH_VARARGS | METH_KEYWORDS,
     "set_cpu($self, /, registers)\n--\n\nSets registers by name."},
    {"peek", METHOD(peek), METH_VARARGS | METH_KEYWORDS,
     "peek($self, /, address, size, *, physical=False)\n--\n\nMemory, as far as it is mapped."},
    {"poke", METHOD(poke), METH_VARARGS | METH_KEYWORDS,
     "poke($self, /, address, data, *, physical=False)\n--\n\nWrites memory; how many bytes."},
    {NULL, NULL, 0, NULL},
};
