/* SPDX-License-Identifier: MIT */
/* FFA_MSG_SEND2 (FF-A 1.2, 15.1): from a TX buffer into another's RX buffer. */
#include "ffa/mailbox.h"

#include "ffa/answer.h"
#include "ffa/endpoint.h"
#include "ffa/port.h"
#include "lib/str.h"

/* Who is said to have sent it: the SP that calls, id 0, or one of its VMs. Held; NULL, and why. */
static struct ffa_endpoint *sender_of(struct ffa_endpoint *caller, uint16_t id, enum ffa_code *code)
{
	struct ffa_endpoint *sender;

	*code = FFA_INVALID_PARAMETERS;
	if (ffa_is_sp(caller)) {
		return id == 0 ? caller : NULL;
	}
	sender = ffa_endpoint_of_call(caller, id, true);
	*code = FFA_DENIED;
	return sender;
}

static bool may_message(const struct ffa_endpoint *e)
{
	return e->version >= FFA_VERSION_1_1 && (!ffa_is_sp(e) || (e->properties & FFA_PROPERTY_INDIRECT) != 0);
}

/*
 * Both mailboxes are locked, the one at the lower address first, so that two who write to each other do not wait for
 * each other.
 */
static void lock_both(struct ffa_mailbox *a, struct ffa_mailbox *b)
{
	spin_lock(&(a < b ? a : b)->lock);
	spin_lock(&(a < b ? b : a)->lock);
}

/* The header was copied and checked: it is what is delivered, whatever stands in TX now. */
static enum ffa_code deliver(struct ffa_endpoint *sender, struct ffa_endpoint *receiver,
			     const struct ffa_message_header *header, uint32_t header_size)
{
	struct ffa_mailbox *from = &sender->mailbox, *to = &receiver->mailbox;
	uint32_t room = MIN(from->size, to->size);
	const uint8_t *tx = pa_ptr(from->tx.base);
	uint8_t *rx = pa_ptr(to->rx.base);

	if (from->size == 0) {
		return FFA_DENIED;
	}
	if (to->size == 0 || to->rx_state != FFA_RX_EMPTY) {
		return FFA_BUSY;
	}
	if (header->offset < header_size || header->offset > room || header->size > room - header->offset) {
		return FFA_INVALID_PARAMETERS;
	}
	memcpy(rx, header, header_size);
	memcpy(rx + header_size, tx + header_size, header->offset + header->size - header_size);
	to->rx_state = FFA_RX_FULL;
	return FFA_OK;
}

static enum ffa_code send_from(struct ffa_endpoint *sender, const struct ffa_message_header *header,
			       uint32_t header_size, bool *notified)
{
	struct ffa_endpoint *receiver = ffa_endpoint_get(header->receiver);
	enum ffa_code code;

	if (receiver == NULL || !(ffa_is_sp(sender) || ffa_is_sp(receiver))) {
		code = FFA_INVALID_PARAMETERS;
	} else if (!may_message(sender) || !may_message(receiver)) {
		code = FFA_DENIED;
	} else if (atomic_load(&receiver->aborted) != 0) {
		code = FFA_BUSY; /* as when it has no buffers, which it is about to lose */
	} else {
		lock_both(&sender->mailbox, &receiver->mailbox);
		code = deliver(sender, receiver, header, header_size);
		/* Before the receiver can release the buffer, which it may do only after it heard of this. */
		*notified = code == FFA_OK && ffa_notify_rx_full(receiver, ffa_is_sp(sender));
		spin_unlock(&sender->mailbox.lock);
		spin_unlock(&receiver->mailbox.lock);
	}
	ffa_endpoint_put(receiver);
	return code;
}

static enum ffa_code send(struct ffa_endpoint *sender, uint32_t flags, bool *notified)
{
	struct ffa_message_header header;
	uint32_t header_size = sender->version >= FFA_VERSION_1_2 ? sizeof(header) : FFA_MESSAGE_HEADER_1_1;

	if (ffa_tx_read(sender, 0, &header, header_size) != FFA_OK) {
		return FFA_DENIED;
	}
	if (header.sender != sender->id || header.receiver == sender->id ||
	    (flags & (ffa_is_sp(sender) ? ~FFA_MSG_SEND2_DELAY_SRI : ~0u)) != 0) {
		return FFA_INVALID_PARAMETERS;
	}
	return send_from(sender, &header, header_size, notified);
}

void ffa_msg_send2(struct ffa_endpoint *caller, uint64_t *x)
{
	uint32_t flags = (uint32_t)x[2];
	bool notified = false;
	enum ffa_code code;
	struct ffa_endpoint *sender = sender_of(caller, (uint16_t)(x[1] >> 16), &code);

	if (sender != NULL) {
		code = send(sender, flags, &notified);
		ffa_endpoint_put(sender);
	}
	if (notified) {
		ffa_port_schedule_receiver((flags & FFA_MSG_SEND2_DELAY_SRI) != 0);
	}
	ffa_answer_code(x, code);
}
