/* SPDX-License-Identifier: MIT */
/*
 * RX and TX buffers of an endpoint (FF-A 1.2, 7.2) and who may use the RX buffer now. Addresses are physical ones that
 * EL2 has mapped (pa_ptr); what is in TX may change at any moment and is copied once.
 */
#ifndef FFA_MAILBOX_H
#define FFA_MAILBOX_H

#include "abi/ffa.h"
#include "arch/spinlock.h"
#include "lib/addr.h"

struct ffa_endpoint;

#define FFA_RXTX_PAGES_MAX 1 /* of 4 KiB, each buffer */

enum ffa_rx_state {
	FFA_RX_EMPTY, /* the SPMC may write it */
	FFA_RX_FULL,  /* the endpoint owns it until it releases it */
	FFA_RX_HYPERVISOR, /* of a VM: the hypervisor acquired it */
};

struct stage2;

/* One of the two: where it is and how its pages are mapped for the endpoint, now and before. */
struct ffa_buffer {
	struct stage2 *table;
	ipa_t address;
	pa_t base; /* where that is */
	unsigned attrs, attrs_before; /* STAGE2_* */
};

struct ffa_mailbox {
	struct spinlock lock; /* for all here; docs/locking.md says what nests inside it */
	struct ffa_buffer tx, rx; /* valid if size != 0 */
	uint32_t size;        /* bytes of each buffer; 0: not mapped */
	enum ffa_rx_state rx_state;
	const void *reader; /* if RX has the answer to a call: the vCPU that made it (ffa_port_caller()); else NULL */
	bool fixed; /* given by the manifest: cannot be mapped or unmapped by calls */
};

/* FFA_RXTX_MAP, _UNMAP, FFA_RX_RELEASE, FFA_RX_ACQUIRE, FFA_MSG_SEND2: x is answered. */
void ffa_rxtx_map(struct ffa_endpoint *caller, uint64_t *x);
void ffa_rxtx_unmap(struct ffa_endpoint *caller, uint64_t *x);
void ffa_rx_release(struct ffa_endpoint *caller, uint64_t *x);
void ffa_rx_acquire(struct ffa_endpoint *caller, uint64_t *x);
void ffa_msg_send2(struct ffa_endpoint *caller, uint64_t *x);

/* The manifest's rx_tx-info: as if the endpoint had mapped them. FFA_OK or why not. */
enum ffa_code ffa_mailbox_set_fixed(struct ffa_endpoint *e, pa_t tx, pa_t rx, uint32_t size);
/*
 * By FFA_MSG_WAIT of the vCPU that calls, RX is given back, or if it is to 'retain' that, any vCPU may do so. But the
 * answer to a call of another vCPU is left to that one. Whether anything could be done is nobody's concern.
 */
void ffa_mailbox_wait(struct ffa_endpoint *e, bool retain);
/* The vCPU (ffa_port_caller()) reads no answer there any more: it is off. Any CPU. */
void ffa_mailbox_leave(struct ffa_endpoint *e, const void *vcpu);
/* An endpoint that died: its buffers are ordinary memory again, not written any more when this returns. */
void ffa_mailbox_drop(struct ffa_endpoint *e);

/*
 * For those who answer with data: takes the RX buffer for writing. FFA_OK and its address; FFA_BUSY if it is full or
 * acquired or there is none. The mailbox stays locked; ffa_rx_end() says whether the buffer is full now, and unlocks.
 */
enum ffa_code ffa_rx_begin(struct ffa_endpoint *e, uint8_t **rx, uint32_t *size);
void ffa_rx_end(struct ffa_endpoint *e, bool filled);
/* The same in two halves, for those who hold the lock already. */
enum ffa_code ffa_rx_take(struct ffa_endpoint *e);
void ffa_rx_give_back(struct ffa_endpoint *e);
/*
 * Copies 'size' bytes from 'offset' of the TX buffer. FFA_INVALID_PARAMETERS if there is no buffer or it is smaller.
 */
enum ffa_code ffa_tx_read(struct ffa_endpoint *e, uint32_t offset, void *to, uint32_t size);
/* Bytes of each buffer, 0 if there are none. A hint: it may change at any time. */
uint32_t ffa_mailbox_size(const struct ffa_endpoint *e);

#endif
