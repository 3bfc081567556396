/* Machine's methods that add parts: see _native.pyi. */
#include "module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METHOD(function) ((PyCFunction)(void (*)(void))function)

static PyObject *refused(const char *error) {
    PyErr_SetString(PyExc_ValueError, error);
    return NULL;
}

static PyObject *map_memory(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"base", "size", "fd", "writable", NULL};
    uint32_t base, size;
    int fd, writable;
    char error[MACHINE_ERROR] = "";
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&O&i$p", names, module_u32, &base, module_u32,
                                     &size, &fd, &writable) ||
        !module_require_unbuilt(self))
        return NULL;
    if (!machine_map_memory(self->machine, base, size, fd, writable, error))
        return refused(error);
    Py_RETURN_NONE;
}

static PyObject *add_framebuffer(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"base", "fd", "width", "height", "stride", "frame_fd", NULL};
    uint32_t base, width, height, stride;
    int fd, frame_fd;
    char error[MACHINE_ERROR] = "";
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&iO&O&O&i", names, module_u32, &base, &fd,
                                     module_u32, &width, module_u32, &height, module_u32, &stride,
                                     &frame_fd) ||
        !module_require_unbuilt(self))
        return NULL;
    if (!machine_add_framebuffer(self->machine, base, fd, width, height, stride, frame_fd, error))
        return refused(error);
    Py_RETURN_NONE;
}

static PyObject *set_frame_event(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"frame_fd", NULL};
    int frame_fd;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "i", names, &frame_fd) ||
        !module_require_unbuilt(self))
        return NULL;
    machine_set_frame_fd(self->machine, frame_fd);
    Py_RETURN_NONE;
}

static PyObject *add_gic(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"distributor", "cpu_interface", NULL};
    uint32_t distributor, cpu_interface;
    char error[MACHINE_ERROR] = "";
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&O&", names, module_u32, &distributor, module_u32,
                                     &cpu_interface) ||
        !module_require_unbuilt(self))
        return NULL;
    if (!machine_add_gic(self->machine, distributor, cpu_interface, error))
        return refused(error);
    Py_RETURN_NONE;
}

static PyObject *add_timer(MachineObject *self, PyObject *unused) {
    char error[MACHINE_ERROR] = "";
    (void)unused;
    if (!module_require_unbuilt(self))
        return NULL;
    if (!machine_add_timer(self->machine, error))
        return refused(error);
    Py_RETURN_NONE;
}

static PyObject *add_pl011(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"base", "spi", NULL};
    uint32_t base, spi;
    char error[MACHINE_ERROR] = "";
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&O&", names, module_u32, &base, module_u32,
                                     &spi) ||
        !module_require_unbuilt(self))
        return NULL;
    int console = machine_add_pl011(self->machine, base, spi, error);
    return console < 0 ? refused(error) : PyLong_FromLong(console);
}

static PyObject *add_virtio_slots(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"base", "first_spi", "count", NULL};
    uint32_t base, first_spi, count;
    char error[MACHINE_ERROR] = "";
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&O&O&", names, module_u32, &base, module_u32,
                                     &first_spi, module_u32, &count) ||
        !module_require_unbuilt(self))
        return NULL;
    if (!machine_add_virtio_slots(self->machine, base, first_spi, count, error))
        return refused(error);
    Py_RETURN_NONE;
}

static bool parse_queue_sizes(PyObject *sizes, uint16_t limits[VIRTIO_QUEUES], uint32_t *queues) {
    PyObject *list = PySequence_Fast(sizes, "queue_sizes must be a sequence");
    if (!list)
        return false;
    Py_ssize_t count = PySequence_Fast_GET_SIZE(list);
    bool good = count <= VIRTIO_QUEUES;
    if (!good)
        PyErr_Format(PyExc_ValueError, "a virtio device has at most %d queues", VIRTIO_QUEUES);
    for (Py_ssize_t index = 0; good && index < count; index++) {
        uint32_t size;
        good = module_u32(PySequence_Fast_GET_ITEM(list, index), &size);
        if (good && size > VIRTIO_QUEUE_MAX) {
            PyErr_Format(PyExc_ValueError, "a virtqueue has at most %d elements", VIRTIO_QUEUE_MAX);
            good = false;
        }
        if (good)
            limits[index] = (uint16_t)size;
    }
    Py_DECREF(list);
    *queues = (uint32_t)count;
    return good;
}

static bool parse_window(PyObject *key, PyObject *value, struct virtio_window *window) {
    unsigned select, subselect;
    Py_buffer bytes;
    if (!PyArg_ParseTuple(key, "II;windows are named (select, subselect)", &select, &subselect))
        return false;
    if (PyObject_GetBuffer(value, &bytes, PyBUF_SIMPLE) < 0)
        return false;
    bool good = select <= 255 && subselect <= 255 && bytes.len <= (Py_ssize_t)sizeof window->bytes;
    if (good) {
        *window = (struct virtio_window){(uint8_t)select, (uint8_t)subselect, (uint8_t)bytes.len, {0}};
        memcpy(window->bytes, bytes.buf, (size_t)bytes.len);
    } else {
        PyErr_Format(PyExc_ValueError, "a window's select and subselect are bytes, and it shows at most %zu",
                     sizeof window->bytes);
    }
    PyBuffer_Release(&bytes);
    return good;
}

/* A malloc'd table in `windows`, or NULL where there are none. */
static bool parse_windows(PyObject *mapping, struct virtio_window **windows, uint32_t *count) {
    *windows = NULL;
    *count = 0;
    if (!mapping || mapping == Py_None)
        return true;
    if (!PyDict_Check(mapping) || PyDict_Size(mapping) > VIRTIO_WINDOWS) {
        PyErr_Format(PyExc_ValueError, "windows is a dict of at most %d", VIRTIO_WINDOWS);
        return false;
    }
    *windows = calloc((size_t)PyDict_Size(mapping) + 1, sizeof **windows);
    if (!*windows) {
        PyErr_NoMemory();
        return false;
    }
    PyObject *key, *value;
    for (Py_ssize_t position = 0; PyDict_Next(mapping, &position, &key, &value);)
        if (!parse_window(key, value, &(*windows)[(*count)++])) {
            free(*windows);
            return false;
        }
    return true;
}

static PyObject *fill_virtio_slot(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"slot",   "device_id", "features", "queue_sizes",
                            "config", "windows",   "legacy",   NULL};
    uint32_t slot, device_id, queues, window_count;
    uint64_t features;
    uint16_t limits[VIRTIO_QUEUES];
    PyObject *sizes, *mapping = NULL;
    int legacy = 0;
    Py_buffer config;
    struct virtio_window *windows;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&O&O&Oy*|O$p", names, module_u32, &slot,
                                     module_u32, &device_id, module_u64, &features, &sizes, &config, &mapping,
                                     &legacy))
        return NULL;
    bool good = module_require_unbuilt(self) && parse_queue_sizes(sizes, limits, &queues) &&
                parse_windows(mapping, &windows, &window_count);
    if (good && (!machine_virtio(self->machine) ||
                 !virtio_mmio_fill(machine_virtio(self->machine), slot, device_id, features, limits, queues,
                                   config.buf, (uint32_t)config.len, windows, window_count))) {
        PyErr_Format(PyExc_ValueError, "virtio slot %u cannot hold this device", slot);
        free(windows);
        good = false;
    }
    if (good && legacy)
        virtio_mmio_set_legacy(machine_virtio(self->machine), slot);
    PyBuffer_Release(&config);
    return good ? Py_NewRef(Py_None) : NULL;
}

static PyObject *add_device(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"base", "size", "device", "name", NULL};
    uint32_t base, size;
    PyObject *object;
    const char *name;
    char error[MACHINE_ERROR] = "";
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&O&Os", names, module_u32, &base, module_u32,
                                     &size, &object, &name) ||
        !module_require_unbuilt(self))
        return NULL;
    if (self->device_count == MACHINE_DEVICES)
        return refused("no more devices in Python fit into the machine");
    struct python_device *device = &self->devices[self->device_count];
    device->owner = self;
    device->ops = python_device_ops;
    device->ops.name = device->name;
    snprintf(device->name, sizeof device->name, "%s", name);
    int index =
        machine_add_device(self->machine, base, size, &device->ops, device, &python_device_hooks, error);
    if (index < 0)
        return refused(error);
    device->object = Py_NewRef(object);
    self->device_count++;
    return PyLong_FromLong(index);
}

PyMethodDef machine_part_methods[] = {
    {"map_memory", METHOD(map_memory), METH_VARARGS | METH_KEYWORDS,
     "map_memory($self, /, base, size, fd, *, writable)\n--\n\nA further memory, such as flash."},
    {"add_framebuffer", METHOD(add_framebuffer), METH_VARARGS | METH_KEYWORDS,
     "add_framebuffer($self, /, base, fd, width, height, stride, frame_fd)\n--\n\nA framebuffer of "
     "x8r8g8b8."},
    {"set_frame_event", METHOD(set_frame_event), METH_VARARGS | METH_KEYWORDS,
     "set_frame_event($self, /, frame_fd)\n--\n\nSignalled where there is no framebuffer, but a scanout."},
    {"add_gic", METHOD(add_gic), METH_VARARGS | METH_KEYWORDS,
     "add_gic($self, /, distributor, cpu_interface)\n--\n\nThe interrupt controller."},
    {"add_timer", METHOD(add_timer), METH_NOARGS, "add_timer($self, /)\n--\n\nThe ARM generic timer."},
    {"add_pl011", METHOD(add_pl011), METH_VARARGS | METH_KEYWORDS,
     "add_pl011($self, /, base, spi)\n--\n\nA UART; answers the console's index."},
    {"add_virtio_slots", METHOD(add_virtio_slots), METH_VARARGS | METH_KEYWORDS,
     "add_virtio_slots($self, /, base, first_spi, count)\n--\n\nEmpty virtio-mmio transports."},
    {"fill_virtio_slot", METHOD(fill_virtio_slot), METH_VARARGS | METH_KEYWORDS,
     "fill_virtio_slot($self, /, slot, device_id, features, queue_sizes, config, windows=None, *, "
     "legacy=False)\n--\n\n"
     "Puts a device behind a transport."},
    {"add_device", METHOD(add_device), METH_VARARGS | METH_KEYWORDS,
     "add_device($self, /, base, size, device, name)\n--\n\nA device in Python; answers its index."},
    {NULL, NULL, 0, NULL},
};
