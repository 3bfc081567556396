/* Machine's methods on the guest's RAM: what devices do to it, its dirty log, captures, layers. See ram.h. */
#include "module.h"

#define METHOD(function) ((PyCFunction)(void (*)(void))function)

static PyObject *refused(const char *error) {
    PyErr_SetString(PyExc_RuntimeError, error);
    return NULL;
}

/* All of it is RAM, and there: while it is waited for, other threads of Python run. Sets an exception. */
static bool await_ram(MachineObject *self, uint64_t address, uint64_t size) {
    bool good = true;
    if (!machine_in_ram(self->machine, address, size)) {
        PyErr_Format(PyExc_ValueError, "0x%llx with %llu bytes is not in the guest's RAM",
                     (unsigned long long)address, (unsigned long long)size);
        return false;
    }
    if (!atomic_load_explicit(&machine_ram(self->machine)->incomplete, memory_order_acquire))
        return true;
    Py_BEGIN_ALLOW_THREADS;
    good = machine_require(self->machine, address, size);
    Py_END_ALLOW_THREADS;
    if (!good)
        refused("a part of the guest's memory could not be loaded");
    return good;
}

static PyObject *load(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"address", "size", NULL};
    uint64_t address;
    uint32_t size;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&O&", names, module_u64, &address, module_u32,
                                     &size) ||
        !module_require_inside(self))
        return NULL;
    if (!await_ram(self, address, size))
        return NULL;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, size);
    if (bytes && size)
        machine_load(self->machine, address, PyBytes_AS_STRING(bytes), size);
    return bytes;
}

static PyObject *store(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"address", "data", NULL};
    uint64_t address;
    Py_buffer data;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&y*", names, module_u64, &address, &data))
        return NULL;
    PyObject *answer = NULL;
    if (!module_require_device(self) || !await_ram(self, address, (uint64_t)data.len))
        ;
    else if (!machine_store(self->machine, address, data.buf, (uint32_t)data.len))
        PyErr_SetString(PyExc_RuntimeError, "the guest's RAM cannot be written");
    else
        answer = Py_NewRef(Py_None);
    PyBuffer_Release(&data);
    return answer;
}

static PyObject *harvest_dirty(MachineObject *self, PyObject *unused) {
    (void)unused;
    if (!module_require_still(self))
        return NULL;
    size_t size;
    const uint8_t *bits = machine_dirty(self->machine, &size);
    PyObject *answer = PyBytes_FromStringAndSize((const char *)bits, (Py_ssize_t)size);
    if (answer)
        machine_clear_dirty(self->machine);
    return answer;
}

static PyObject *require(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"address", "size", NULL};
    uint64_t address, size;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&O&", names, module_u64, &address, module_u64,
                                     &size) ||
        !module_require_made(self))
        return NULL;
    return await_ram(self, address, size) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *ram_is_complete(MachineObject *self, PyObject *unused) {
    (void)unused;
    if (!module_require_made(self))
        return NULL;
    if (!ram_complete(machine_ram(self->machine)))
        return refused("blocks of the guest's RAM are absent yet");
    Py_RETURN_NONE;
}

static PyObject *freeze_ram(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"own_fd", NULL};
    int own_fd;
    char error[MACHINE_ERROR] = "";
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "i", names, &own_fd) || !module_require_still(self))
        return NULL;
    if (!machine_freeze_ram(self->machine, own_fd, error))
        return refused(error);
    Py_RETURN_NONE;
}

static PyObject *add_layer(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"fd", NULL};
    int fd;
    char error[MACHINE_ERROR] = "";
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "i", names, &fd) || !module_require_still(self))
        return NULL;
    if (!machine_add_layer(self->machine, fd, error))
        return refused(error);
    Py_RETURN_NONE;
}

/* Numbers of blocks, 32 bits each as this computer has them. Sets an exception. */
static bool are_blocks(const Py_buffer *blocks) {
    if (blocks->len % 4 == 0 && (uintptr_t)blocks->buf % 4 == 0)
        return true;
    PyErr_SetString(PyExc_ValueError, "numbers of blocks have 32 bits each");
    return false;
}

static PyObject *share_blocks(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"blocks", "layers", NULL};
    Py_buffer blocks, layers;
    PyObject *answer = NULL;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "y*y*", names, &blocks, &layers))
        return NULL;
    if (module_require_still(self) && are_blocks(&blocks)) {
        if (blocks.len / 4 != layers.len)
            PyErr_SetString(PyExc_ValueError, "there is a layer for each block");
        else if ((answer = PyBytes_FromStringAndSize(NULL, layers.len)))
            machine_share(self->machine, blocks.buf, layers.buf, (size_t)layers.len,
                          (uint8_t *)PyBytes_AS_STRING(answer));
    }
    PyBuffer_Release(&blocks);
    PyBuffer_Release(&layers);
    return answer;
}

static PyObject *unshare_blocks(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"blocks", NULL};
    Py_buffer blocks;
    PyObject *answer = NULL;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "y*", names, &blocks))
        return NULL;
    if (module_require_still(self) && are_blocks(&blocks)) {
        if (machine_unshare(self->machine, blocks.buf, (size_t)blocks.len / 4))
            answer = Py_NewRef(Py_None);
        else
            refused("a block is not in the RAM, or this computer has no memory for it");
    }
    PyBuffer_Release(&blocks);
    return answer;
}

static PyObject *drop_zeros(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"blocks", NULL};
    Py_buffer blocks;
    PyObject *answer = NULL;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "y*", names, &blocks))
        return NULL;
    if (module_require_still(self) && are_blocks(&blocks))
        answer = PyLong_FromSize_t(machine_drop_zeros(self->machine, blocks.buf, (size_t)blocks.len / 4));
    PyBuffer_Release(&blocks);
    return answer;
}

static PyObject *trim(MachineObject *self, PyObject *unused) {
    (void)unused;
    return module_require_still(self) ? PyBool_FromLong(machine_trim(self->machine)) : NULL;
}

static PyObject *begin_capture(MachineObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"shadow_fd", "wanted", NULL};
    int shadow_fd;
    Py_buffer wanted = {.buf = NULL};
    size_t size;
    char error[MACHINE_ERROR] = "";
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "i|z*", names, &shadow_fd, &wanted))
        return NULL;
    PyObject *dirty = NULL;
    if (!module_require_still(self))
        goto done;
    machine_dirty(self->machine, &size);
    if (wanted.buf && wanted.len != (Py_ssize_t)size) {
        PyErr_Format(PyExc_ValueError, "%zu bytes say which pages are wanted, not %zd", size, wanted.len);
        goto done;
    }
    dirty = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (dirty && !machine_begin_capture(self->machine, shadow_fd, wanted.buf,
                                        (uint8_t *)PyBytes_AS_STRING(dirty), error)) {
        Py_CLEAR(dirty);
        refused(error);
    }
done:
    PyBuffer_Release(&wanted);
    return dirty;
}

static PyObject *end_capture(MachineObject *self, PyObject *unused) {
    (void)unused;
    if (!module_require_made(self))
        return NULL;
    if (!capture_end(&machine_ram(self->machine)->capture)) {
        PyErr_SetString(PyExc_OSError, "this computer had no memory for all of the capture");
        return NULL;
    }
    Py_RETURN_NONE;
}

PyMethodDef machine_memory_methods[] = {
    {"load", METHOD(load), METH_VARARGS | METH_KEYWORDS,
     "load($self, /, address, size)\n--\n\nBytes of the guest's RAM."},
    {"store", METHOD(store), METH_VARARGS | METH_KEYWORDS,
     "store($self, /, address, data)\n--\n\nWrites the guest's RAM, within a device's own call."},
    {"harvest_dirty", METHOD(harvest_dirty), METH_NOARGS,
     "harvest_dirty($self, /)\n--\n\nThe dirty log of RAM, cleared by the call."},
    {"require", METHOD(require), METH_VARARGS | METH_KEYWORDS,
     "require($self, /, address, size)\n--\n\nWaits until all of a range in RAM is there."},
    {"ram_complete", METHOD(ram_is_complete), METH_NOARGS,
     "ram_complete($self, /)\n--\n\nFrom here on nothing is waited for."},
    {"freeze_ram", METHOD(freeze_ram), METH_VARARGS | METH_KEYWORDS,
     "freeze_ram($self, /, own_fd)\n--\n\nThe RAM's own memfd becomes its next layer."},
    {"add_layer", METHOD(add_layer), METH_VARARGS | METH_KEYWORDS,
     "add_layer($self, /, fd)\n--\n\nThe next layer of the RAM."},
    {"share_blocks", METHOD(share_blocks), METH_VARARGS | METH_KEYWORDS,
     "share_blocks($self, /, blocks, layers)\n--\n\nOwn blocks become those of layers that hold the same."},
    {"unshare_blocks", METHOD(unshare_blocks), METH_VARARGS | METH_KEYWORDS,
     "unshare_blocks($self, /, blocks)\n--\n\nBlocks of layers become own ones."},
    {"drop_zeros", METHOD(drop_zeros), METH_VARARGS | METH_KEYWORDS,
     "drop_zeros($self, /, blocks)\n--\n\nGives back own pages of zeros."},
    {"trim", METHOD(trim), METH_NOARGS, "trim($self, /)\n--\n\nGives back the memory of translations."},
    {"begin_capture", METHOD(begin_capture), METH_VARARGS | METH_KEYWORDS,
     "begin_capture($self, /, shadow_fd, wanted=None)\n--\n\nPages are kept as they are; answers the dirty "
     "log."},
    {"end_capture", METHOD(end_capture), METH_NOARGS,
     "end_capture($self, /)\n--\n\nPages are no longer kept."},
    {NULL, NULL, 0, NULL},
};
