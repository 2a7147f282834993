/* SPDX-License-Identifier: MIT */
/*
 * The SPMC below a hypervisor, as far as src/ffa asks it for its guests. All of it may be called with locks of src/ffa
 * held, and runs no SP.
 */
#ifndef FFA_BELOW_H
#define FFA_BELOW_H

#include "abi/ffa.h"
#include "lib/addr.h"

struct ffa_endpoint;
struct ffa_transaction;

struct ffa_below {
	/* The guest has buffers of so many pages of 4 KiB, or has none any more. */
	enum ffa_code (*rxtx_map)(struct ffa_endpoint *guest, pa_t tx, pa_t rx, uint32_t pages);
	void (*rxtx_unmap)(struct ffa_endpoint *guest);
	/* FFA_RX_ACQUIRE: from FFA_OK on, we may write its RX buffer until it, or we for it, releases it. */
	enum ffa_code (*rx_acquire)(struct ffa_endpoint *guest);
	enum ffa_code (*rx_release)(struct ffa_endpoint *guest);
	/* Its TX buffer has a message for an SP; 'flags' as in FFA_MSG_SEND2. */
	enum ffa_code (*msg_send2)(struct ffa_endpoint *guest, uint32_t flags);

	/*
	 * A transaction for SPs. mem_send() hands over the description with at most 'ranges' of its ranges, and sets
	 * t->below_handle, if it got one; mem_frag() hands over more, up to number 'ranges': all, if those are all that
	 * there are, else what fills a buffer. t->ranges_below counts them; the last one ends it. After an error comes
	 * mem_reclaim(), if there is a handle.
	 */
	enum ffa_code (*mem_send)(struct ffa_transaction *t, uint32_t ranges);
	enum ffa_code (*mem_frag)(struct ffa_transaction *t, uint32_t ranges);
	/* 'flags' as in FFA_MEM_RECLAIM. Of one that is not complete too. */
	enum ffa_code (*mem_reclaim)(struct ffa_transaction *t, uint32_t flags);
};

/* NULL: there is none. Set at boot only, before any guest runs. */
extern const struct ffa_below *ffa_below;

#endif
