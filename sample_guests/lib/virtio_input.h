/* virtio-input over virtio-mmio, version 2: touch screens, tablets and keyboards. */
#ifndef GUEST_VIRTIO_INPUT_H
#define GUEST_VIRTIO_INPUT_H

void virtio_input_start(void);
/* Takes what the devices have delivered and puts it on the input queue. */
void virtio_input_poll(void);

#endif
