/* The type Machine: its life, running it, and what other threads ask of it. See _native.pyi. */
#include "module.h"

#include <string.h>

#define METHOD(function) ((PyCFunction)(void (*)(void))function)

static bool refuse(const char *sentence) {
    PyErr_SetString(PyExc_RuntimeError, sentence);
    return false;
}

bool module_require_still(MachineObject *self) {
    if (!self->machine)
        return refuse("the machine was not made");
    return self->running ? refuse("the machine is running") : true;
}

bool module_require_unbuilt(MachineObject *self) {
    if (!module_require_still(self))
        return false;
    return machine_started(self->machine) ? refuse("the machine has run: no part can be added") : true;
}

bool module_require_inside(MachineObject *self) {
    if (!self->machine)
        return refuse("the machine was not made");
    if (self->running && self->runner != PyThread_get_thread_ident())
        return refuse("only a device's own call may do this while the machine runs");
    return true;
}

bool module_require_device(MachineObject *self) {
    return self->in_device && self->caller == PyThread_get_thread_ident()
               ? true
               : refuse("only a device's own call may do this");
}

bool module_require_made(MachineObject *self) {
    return self->machine ? true : refuse("the machine was not made");
}

static bool parse_layers(PyObject *layers, int fds[RAM_LAYERS], struct ram_options *ram) {
    PyObject *list = layers ? PySequence_Fast(layers, "ram_layers must be a sequence") : NULL;
    bool good = !layers || list;
    if (list && PySequence_Fast_GET_SIZE(list) > RAM_LAYERS) {
        PyErr_Format(PyExc_ValueError, "RAM has at most %d layers", RAM_LAYERS);
        good = false;
    }
    for (Py_ssize_t index = 0; list && good && index < PySequence_Fast_GET_SIZE(list); index++) {
        long fd = PyLong_AsLong(PySequence_Fast_GET_ITEM(list, index));
        fds[index] = fd < 0 || fd > INT_MAX ? -1 : (int)fd; /* which is refused later */
        good = !PyErr_Occurred();
        ram->layers++;
    }
    Py_XDECREF(list);
    ram->layer_fds = fds;
    return good;
}

static int machine_init(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"ram_fd",    "ram_base",      "ram_size",   "tick_ps",
                            "status_fd", "deterministic", "skip_idle",  "ram_layers",
                            "ram_map",   "ram_wanted",    "ram_loaded", NULL};
    struct machine_options options = {.ram = {.map_fd = -1, .wanted_fd = -1, .loaded_fd = -1},
                                      .status_fd = -1};
    int deterministic = 0, skip_idle = 0, layer_fds[RAM_LAYERS];
    PyObject *layers = NULL;
    char error[MACHINE_ERROR] = "";
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "iO&O&O&|$ippOiii", names, &options.ram.own_fd,
                                     module_u32, &options.ram_base, module_u32, &options.ram.size, module_u32,
                                     &options.tick_ps, &options.status_fd, &deterministic, &skip_idle,
                                     &layers, &options.ram.map_fd, &options.ram.wanted_fd,
                                     &options.ram.loaded_fd) ||
        !parse_layers(layers, layer_fds, &options.ram))
        return -1;
    if (self->machine) {
        refuse("the machine is made already");
        return -1;
    }
    const char *problem = vcpu_overrides_problem();
    if (problem) {
        PyErr_SetString(PyExc_RuntimeError, problem);
        return -1;
    }
    options.deterministic = deterministic;
    options.skip_idle = skip_idle;
    self->machine = machine_new(&options, error);
    if (!self->machine) {
        PyErr_SetString(options.tick_ps && options.ram.size ? PyExc_OSError : PyExc_ValueError, error);
        return -1;
    }
    return 0;
}

static int machine_traverse(MachineObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    for (unsigned index = 0; index < self->device_count; index++)
        Py_VISIT(self->devices[index].object);
    Py_VISIT(self->semihosting);
    Py_VISIT(self->follower);
    return 0;
}

static int machine_clear(MachineObject *self) {
    for (unsigned index = 0; index < self->device_count; index++) {
        Py_CLEAR(self->devices[index].object);
        PyBuffer_Release(&self->devices[index].window);
    }
    Py_CLEAR(self->semihosting);
    Py_CLEAR(self->follower);
    return 0;
}

static void machine_dealloc(MachineObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->machine)
        machine_free(self->machine);
    machine_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *run(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"until_tick", "position", "steps", NULL};
    PyObject *until = Py_None, *place = Py_None;
    uint64_t tick = UINT64_MAX, position = UINT64_MAX, steps = 0;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|O$OO&", names, &until, &place, module_u64,
                                     &steps) ||
        !module_require_still(self))
        return NULL;
    if ((until != Py_None && !module_u64(until, &tick)) ||
        (place != Py_None && !module_u64(place, &position)))
        return NULL;
    enum run_reason reason;
    self->running = true;
    self->runner = PyThread_get_thread_ident();
    Py_BEGIN_ALLOW_THREADS;
    reason = machine_run_to(self->machine, tick, position, steps);
    Py_END_ALLOW_THREADS;
    self->running = false;
    if (PyErr_CheckSignals() < 0)
        return NULL;
    return PyLong_FromLong(reason);
}

static PyObject *stop(MachineObject *self, PyObject *unused) {
    (void)unused;
    if (!module_require_made(self))
        return NULL;
    machine_stop(self->machine);
    Py_RETURN_NONE;
}

static PyObject *request_exit(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"code", NULL};
    uint32_t code;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&", names, module_u32, &code) ||
        !module_require_made(self))
        return NULL;
    machine_request_exit(self->machine, code);
    Py_RETURN_NONE;
}

static PyObject *set_rate(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"ticks_per_second", NULL};
    uint64_t rate;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&", names, module_u64, &rate) ||
        !module_require_made(self))
        return NULL;
    machine_set_rate(self->machine, rate);
    Py_RETURN_NONE;
}

static PyObject *set_sync(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"sync", NULL};
    int sync;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "p", names, &sync) || !module_require_made(self))
        return NULL;
    machine_set_sync(self->machine, sync);
    Py_RETURN_NONE;
}

static PyObject *reset(MachineObject *self, PyObject *unused) {
    (void)unused;
    if (!module_require_still(self))
        return NULL;
    machine_reset(self->machine);
    Py_RETURN_NONE;
}

static PyObject *set_line(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"spi", "level", NULL};
    uint32_t spi;
    int level;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&p", names, module_u32, &spi, &level) ||
        !module_require_inside(self))
        return NULL;
    if (!machine_set_line(self->machine, spi, level))
        return PyErr_Format(PyExc_ValueError, "there is no interrupt line SPI %u", spi);
    Py_RETURN_NONE;
}

static PyObject *now_ns(MachineObject *self, PyObject *unused) {
    (void)unused;
    return module_require_made(self) ? PyLong_FromUnsignedLongLong(machine_now_ns(self->machine)) : NULL;
}

static PyObject *set_alarm(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"device", "at_ns", NULL};
    uint32_t device;
    uint64_t at_ns = UINT64_MAX;
    PyObject *at;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&O", names, module_u32, &device, &at) ||
        !module_require_inside(self))
        return NULL;
    if (at != Py_None && !module_u64(at, &at_ns))
        return NULL;
    if (device >= self->device_count)
        return PyErr_Format(PyExc_ValueError, "there is no device %u", device);
    machine_set_alarm(self->machine, device, at_ns);
    Py_RETURN_NONE;
}

static PyObject *ticks(MachineObject *self, PyObject *unused) {
    (void)unused;
    return module_require_made(self) ? PyLong_FromUnsignedLongLong(clock_ticks(machine_clock(self->machine)))
                                     : NULL;
}

static PyObject *counters(MachineObject *self, PyObject *unused) {
    (void)unused;
    if (!module_require_made(self))
        return NULL;
    uint64_t values[MACHINE_COUNTERS];
    machine_counters(self->machine, values);
    PyObject *dict = PyDict_New();
    for (unsigned index = 0; dict && index < MACHINE_COUNTERS; index++) {
        PyObject *value = PyLong_FromUnsignedLongLong(values[index]);
        if (!value || PyDict_SetItemString(dict, machine_counter_names[index], value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(value);
    }
    return dict;
}

static PyObject *get_error(MachineObject *self, void *unused) {
    (void)unused;
    const char *error = self->machine ? machine_error(self->machine) : "";
    return *error ? PyUnicode_DecodeUTF8(error, (Py_ssize_t)strlen(error), "replace") : Py_NewRef(Py_None);
}

static PyObject *get_exit_code(MachineObject *self, void *unused) {
    (void)unused;
    return module_require_made(self) ? PyLong_FromUnsignedLong(machine_exit_code(self->machine)) : NULL;
}

static PyObject *get_console_fd(MachineObject *self, void *unused) {
    (void)unused;
    return module_require_made(self) ? PyLong_FromLong(machine_console_fd(self->machine)) : NULL;
}

static PyObject *get_doorbell_fd(MachineObject *self, void *unused) {
    (void)unused;
    return module_require_made(self) ? PyLong_FromLong(machine_doorbell_fd(self->machine)) : NULL;
}

static PyObject *get_ram(MachineObject *self, void *unused) {
    (void)unused;
    return module_require_made(self) ? PyMemoryView_FromObject((PyObject *)self) : NULL;
}

/* The RAM lives as long as the machine: a view of it keeps that alive. */
static int view_ram(MachineObject *self, Py_buffer *view, int flags) {
    if (!self->machine) {
        PyErr_SetString(PyExc_BufferError, "the machine was not made");
        return -1;
    }
    struct ram *ram = machine_ram(self->machine);
    return PyBuffer_FillInfo(view, (PyObject *)self, ram->host, (Py_ssize_t)ram->size, 1, flags);
}

static PyGetSetDef attributes[] = {
    {"error", (getter)get_error, NULL, "The sentence behind RUN_ERROR, or None.", NULL},
    {"exit_code", (getter)get_exit_code, NULL, "What the run ended with, by RUN_EXIT.", NULL},
    {"console_fd", (getter)get_console_fd, NULL, "An eventfd signalled at console output.", NULL},
    {"doorbell_fd", (getter)get_doorbell_fd, NULL, "An eventfd signalled when a doorbell waits.", NULL},
    {"ram", (getter)get_ram, NULL, "The guest's RAM as the machine maps it, read only.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef own_methods[] = {
    {"run", METHOD(run), METH_VARARGS | METH_KEYWORDS,
     "run($self, /, until_tick=None, *, position=None, steps=0)\n--\n\nRuns until something in RUN_* happens "
     "and says what."},
    {"stop", METHOD(stop), METH_NOARGS, "stop($self, /)\n--\n\nFrom any thread: run() returns soon."},
    {"request_exit", METHOD(request_exit), METH_VARARGS | METH_KEYWORDS,
     "request_exit($self, /, code)\n--\n\nEnds the run with RUN_EXIT at the next block start."},
    {"set_rate", METHOD(set_rate), METH_VARARGS | METH_KEYWORDS,
     "set_rate($self, /, ticks_per_second)\n--\n\nThrottles against real time."},
    {"set_sync", METHOD(set_sync), METH_VARARGS | METH_KEYWORDS,
     "set_sync($self, /, sync)\n--\n\nrun() returns at each console output and doorbell."},
    {"reset", METHOD(reset), METH_NOARGS, "reset($self, /)\n--\n\nPower-on state; memory is the caller's."},
    {"set_line", METHOD(set_line), METH_VARARGS | METH_KEYWORDS,
     "set_line($self, /, spi, level)\n--\n\nDrives an interrupt line."},
    {"now_ns", METHOD(now_ns), METH_NOARGS, "now_ns($self, /)\n--\n\nThe guest's time."},
    {"set_alarm", METHOD(set_alarm), METH_VARARGS | METH_KEYWORDS,
     "set_alarm($self, /, device, at_ns)\n--\n\nAsks for alarm() at a time of the guest's."},
    {"ticks", METHOD(ticks), METH_NOARGS, "ticks($self, /)\n--\n\nTicks since power on."},
    {"counters", METHOD(counters), METH_NOARGS, "counters($self, /)\n--\n\nCounters by name."},
};

enum { METHODS_MAX = 96, ATTRIBUTES_MAX = 16 };
static PyMethodDef methods[METHODS_MAX];
static PyGetSetDef all_attributes[ATTRIBUTES_MAX];

/* One table out of all files'. */
__attribute__((constructor)) static void join_methods(void) {
    size_t count = sizeof own_methods / sizeof *own_methods;
    memcpy(methods, own_methods, sizeof own_methods);
    const PyMethodDef *const tables[] = {
        machine_part_methods,   machine_outside_methods, machine_state_methods, machine_device_methods,
        machine_memory_methods, machine_trace_methods,   machine_debug_methods};
    for (size_t table = 0; table < sizeof tables / sizeof *tables; table++)
        for (const PyMethodDef *method = tables[table]; method->ml_name; method++)
            methods[count++] = *method;
    count = 0;
    const PyGetSetDef *const of_attributes[] = {attributes, machine_debug_attributes};
    for (size_t table = 0; table < sizeof of_attributes / sizeof *of_attributes; table++)
        for (const PyGetSetDef *attribute = of_attributes[table]; attribute->name; attribute++)
            all_attributes[count++] = *attribute;
}

static PyType_Slot slots[] = {
    {Py_tp_doc, "Machine(ram_fd, ram_base, ram_size, tick_ps, *, status_fd=-1, deterministic=False, "
                "skip_idle=False, ram_layers=(), ram_map=-1, ram_wanted=-1, ram_loaded=-1)\n--\n\nOne guest: "
                "vCPU, memory, bus and devices."},
    {Py_tp_init, machine_init},
    {Py_tp_dealloc, machine_dealloc},
    {Py_tp_traverse, machine_traverse},
    {Py_tp_clear, machine_clear},
    {Py_tp_methods, methods},
    {Py_tp_getset, all_attributes},
    {Py_bf_getbuffer, view_ram},
    {0, NULL},
};

PyType_Spec machine_spec = {
    .name = "pocketvisor._native.Machine",
    .basicsize = sizeof(MachineObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
