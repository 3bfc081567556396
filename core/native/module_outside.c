/* Machine's methods for other threads: events in, the console and the doorbells out, the virtio slots. */
#include "module.h"

#include <stdlib.h>
#include <string.h>

#define METHOD(function) ((PyCFunction)(void (*)(void))function)

/* The pieces of a payload, one after the other. Answers the whole size, or with -1 an exception; with `into`
 * it copies, and pieces that have changed their size meanwhile count as too large. */
static Py_ssize_t gather(PyObject *pieces, uint8_t *into, Py_ssize_t room) {
    Py_ssize_t size = 0;
    for (Py_ssize_t index = 0; index < PySequence_Fast_GET_SIZE(pieces); index++) {
        Py_buffer piece;
        if (PyObject_GetBuffer(PySequence_Fast_GET_ITEM(pieces, index), &piece, PyBUF_SIMPLE) < 0)
            return -1;
        if (into && size + piece.len <= room)
            memcpy(into + size, piece.buf, (size_t)piece.len);
        size += piece.len;
        PyBuffer_Release(&piece);
    }
    return size;
}

static struct event *gathered(PyObject *payload, uint16_t kind, uint16_t target) {
    PyObject *pieces = PySequence_Fast(payload, "a payload is bytes, or a sequence of them");
    struct event *event = NULL;
    Py_ssize_t size = pieces ? gather(pieces, NULL, 0) : -1;
    if (size >= 0 && size <= EVENT_PAYLOAD_MAX)
        event = event_new(kind, target, (uint32_t)size);
    if (event && gather(pieces, event->payload, size) != size) {
        free(event);
        event = NULL;
    }
    Py_XDECREF(pieces);
    return event;
}

static PyObject *post(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"kind", "target", "payload", NULL};
    uint32_t kind, target;
    PyObject *payload;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&O&O", names, module_u32, &kind, module_u32,
                                     &target, &payload) ||
        !module_require_made(self))
        return NULL;
    if (kind > UINT16_MAX || target > UINT16_MAX)
        return PyErr_Format(PyExc_ValueError, "the event is out of bounds");
    struct event *event = NULL;
    if (PyObject_CheckBuffer(payload)) {
        Py_buffer bytes;
        if (PyObject_GetBuffer(payload, &bytes, PyBUF_SIMPLE) < 0)
            return NULL;
        if (bytes.len <= EVENT_PAYLOAD_MAX)
            event = event_new((uint16_t)kind, (uint16_t)target, (uint32_t)bytes.len);
        if (event && bytes.len)
            memcpy(event->payload, bytes.buf, (size_t)bytes.len);
        PyBuffer_Release(&bytes);
    } else {
        event = gathered(payload, (uint16_t)kind, (uint16_t)target);
    }
    if (PyErr_Occurred())
        return NULL;
    return PyBool_FromLong(machine_put(self->machine, event));
}

static PyObject *take_console(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"console", NULL};
    uint32_t console;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&", names, module_u32, &console) ||
        !module_require_made(self))
        return NULL;
    if (console >= machine_uarts(self->machine))
        return PyErr_Format(PyExc_ValueError, "there is no console %u", console);
    machine_open_consoles(self->machine);
    size_t length = machine_console_length(self->machine, console);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)length);
    if (!bytes)
        return NULL;
    size_t taken = machine_take_console(self->machine, console, (uint8_t *)PyBytes_AS_STRING(bytes), length);
    if (taken < length)
        _PyBytes_Resize(&bytes, (Py_ssize_t)taken);
    return bytes;
}

static bool append_bell(PyObject *list, unsigned slot, int queue) {
    PyObject *item = Py_BuildValue("(Ii)", slot, queue);
    int result = item ? PyList_Append(list, item) : -1;
    Py_XDECREF(item);
    return result == 0;
}

static PyObject *take_doorbells(MachineObject *self, PyObject *unused) {
    (void)unused;
    PyObject *list = module_require_made(self) ? PyList_New(0) : NULL;
    if (!list || !machine_virtio(self->machine))
        return list;
    machine_open_doorbells(self->machine);
    for (unsigned slot = 0; list && slot < VIRTIO_SLOTS; slot++) {
        uint32_t bell = virtio_mmio_take_bell(machine_virtio(self->machine), slot);
        bool good = true;
        if (bell >> VIRTIO_BELL_STATUS & 1)
            good = append_bell(list, slot, -1);
        if (good && bell >> VIRTIO_BELL_CONFIG & 1)
            good = append_bell(list, slot, -2);
        for (int queue = 0; good && queue < VIRTIO_QUEUES; queue++)
            if (bell >> queue & 1)
                good = append_bell(list, slot, queue);
        if (!good)
            Py_CLEAR(list);
    }
    return list;
}

static bool slot_exists(MachineObject *self, uint32_t slot) {
    if (!module_require_made(self))
        return false;
    if (machine_virtio(self->machine) && slot < machine_virtio(self->machine)->count)
        return true;
    PyErr_Format(PyExc_ValueError, "there is no virtio slot %u", slot);
    return false;
}

static PyObject *virtio_status(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"slot", NULL};
    uint32_t slot, status, generation;
    uint64_t features;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&", names, module_u32, &slot) ||
        !slot_exists(self, slot))
        return NULL;
    virtio_mmio_status(machine_virtio(self->machine), slot, &status, &generation, &features);
    return Py_BuildValue("(IIK)", status, generation, (unsigned long long)features);
}

static PyObject *virtio_queue(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"slot", "queue", NULL};
    uint32_t slot, number;
    struct virtio_queue queue;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&O&", names, module_u32, &slot, module_u32,
                                     &number) ||
        !slot_exists(self, slot))
        return NULL;
    if (!virtio_mmio_queue(machine_virtio(self->machine), slot, number, &queue))
        return PyErr_Format(PyExc_ValueError, "virtio slot %u has no queue %u", slot, number);
    return Py_BuildValue("{s:I,s:O,s:K,s:K,s:K,s:O}", "size", (unsigned)queue.size, "ready",
                         queue.ready ? Py_True : Py_False, "descriptors",
                         (unsigned long long)queue.descriptors, "available",
                         (unsigned long long)queue.available, "used", (unsigned long long)queue.used,
                         "event_index", queue.event_index ? Py_True : Py_False);
}

static PyObject *virtio_config(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"slot", NULL};
    uint32_t slot;
    uint8_t config[VIRTIO_CONFIG];
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&", names, module_u32, &slot) ||
        !slot_exists(self, slot))
        return NULL;
    uint32_t size = virtio_mmio_config(machine_virtio(self->machine), slot, config);
    return PyBytes_FromStringAndSize((const char *)config, size);
}

static PyObject *publish_scanout(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"width", "height", "stride", NULL};
    uint32_t width, height, stride;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&O&O&", names, module_u32, &width, module_u32,
                                     &height, module_u32, &stride) ||
        !module_require_made(self))
        return NULL;
    if (!machine_publish_scanout(self->machine, width, height, stride))
        return PyErr_Format(PyExc_ValueError, "a scanout of %ux%u pixels in rows of %u bytes cannot be",
                            width, height, stride);
    Py_RETURN_NONE;
}

enum { RECTANGLES = 256 };

static bool parse_rectangle(PyObject *item, uint16_t rectangle[4]) {
    long corners[4];
    if (!PyArg_ParseTuple(item, "llll;a rectangle is (x0, y0, x1, y1)", &corners[0], &corners[1], &corners[2],
                          &corners[3]))
        return false;
    for (unsigned corner = 0; corner < 4; corner++)
        rectangle[corner] = (uint16_t)(corners[corner] < 0            ? 0
                                       : corners[corner] > UINT16_MAX ? UINT16_MAX
                                                                      : corners[corner]);
    return true;
}

static PyObject *publish_damage(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"rectangles", NULL};
    PyObject *given;
    uint16_t rectangles[RECTANGLES][4];
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O", names, &given) || !module_require_made(self))
        return NULL;
    PyObject *list = PySequence_Fast(given, "rectangles must be a sequence");
    if (!list)
        return NULL;
    Py_ssize_t count = PySequence_Fast_GET_SIZE(list);
    bool good = count <= RECTANGLES;
    if (!good)
        PyErr_Format(PyExc_ValueError, "at most %d rectangles are damaged at once", RECTANGLES);
    for (Py_ssize_t index = 0; good && index < count; index++)
        good = parse_rectangle(PySequence_Fast_GET_ITEM(list, index), rectangles[index]);
    Py_DECREF(list);
    if (!good)
        return NULL;
    machine_publish_damage(self->machine, (const uint16_t (*)[4])rectangles, (unsigned)count);
    Py_RETURN_NONE;
}

PyMethodDef machine_outside_methods[] = {
    {"post", METHOD(post), METH_VARARGS | METH_KEYWORDS,
     "post($self, /, kind, target, payload)\n--\n\nAn event from outside; False where a bound was met."},
    {"take_console", METHOD(take_console), METH_VARARGS | METH_KEYWORDS,
     "take_console($self, /, console)\n--\n\nOutput since the last call."},
    {"take_doorbells", METHOD(take_doorbells), METH_NOARGS,
     "take_doorbells($self, /)\n--\n\n(slot, queue) for each kick since the last call."},
    {"virtio_status", METHOD(virtio_status), METH_VARARGS | METH_KEYWORDS,
     "virtio_status($self, /, slot)\n--\n\n(status, generation, driver's features)."},
    {"virtio_queue", METHOD(virtio_queue), METH_VARARGS | METH_KEYWORDS,
     "virtio_queue($self, /, slot, queue)\n--\n\nA virtqueue as the driver set it up."},
    {"virtio_config", METHOD(virtio_config), METH_VARARGS | METH_KEYWORDS,
     "virtio_config($self, /, slot)\n--\n\nThe configuration space as it is."},
    {"publish_scanout", METHOD(publish_scanout), METH_VARARGS | METH_KEYWORDS,
     "publish_scanout($self, /, width, height, stride)\n--\n\nWhat the pane shows from here on."},
    {"publish_damage", METHOD(publish_damage), METH_VARARGS | METH_KEYWORDS,
     "publish_damage($self, /, rectangles)\n--\n\nWhat of the scanout was drawn."},
    {NULL, NULL, 0, NULL},
};
