/* Shared by the module*.c files, the only ones that know Python. */
#ifndef POCKETVISOR_MODULE_H
#define POCKETVISOR_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "events.h"
#include "machine.h"

struct machine_object;

/* A device served from Python. */
struct python_device {
    struct machine_object *owner;
    PyObject *object;
    struct device_ops ops; /* python_device_ops under its own name */
    char name[32];
    Py_buffer window; /* what reads are answered from, if .obj is not NULL */
};

typedef struct machine_object {
    PyObject ob_base;
    struct machine *machine;
    bool running; /* a thread is inside run() */
    unsigned long runner;
    bool in_device; /* a device's method is called by the thread `caller` */
    unsigned long caller;
    struct python_device devices[MACHINE_DEVICES];
    unsigned device_count;
    PyObject *semihosting; /* a callable, or NULL */
    PyObject *follower;    /* the same */
} MachineObject;

extern PyType_Spec machine_spec;
extern PyMethodDef machine_part_methods[], machine_outside_methods[], machine_state_methods[],
    machine_device_methods[], machine_memory_methods[], machine_trace_methods[], machine_debug_methods[];
extern PyGetSetDef machine_debug_attributes[];

/* module_debug.c: a new tuple of (name, bits). */
PyObject *module_register_names(void);

/* Each sets an exception and answers false where the call is out of place. */
bool module_require_made(MachineObject *self);    /* __init__ succeeded */
bool module_require_still(MachineObject *self);   /* not running */
bool module_require_unbuilt(MachineObject *self); /* never run */
bool module_require_inside(MachineObject *self);  /* not running, or on the vCPU's thread */
bool module_require_device(MachineObject *self);  /* within a device's own call */

/* Converters for PyArg_Parse's "O&". */
int module_u32(PyObject *object, void *value);
int module_u64(PyObject *object, void *value);

/* module_device.c */
extern const struct device_ops python_device_ops;
extern const struct machine_device_hooks python_device_hooks;

#endif
