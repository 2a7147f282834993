/* SPDX-License-Identifier: MIT */
/* FFA_MSG_SEND2 (FF-A 1.2, 15.1): from a TX buffer into another's RX buffer. */
#include "ffa/mailbox.h"

#include "ffa/answer.h"
#include "ffa/below.h"
#include "ffa/endpoint.h"
#include "ffa/port.h"
#include "lib/str.h"

/* Who is said to have sent it: the SP that calls, id 0, or one of its VMs. Held; NULL, and why. */
static struct ffa_endpoint *sender_of(struct ffa_endpoint *caller, uint16_t id, enum ffa_code *code)
{
	struct ffa_endpoint *sender;

	*code = FFA_INVALID_PARAMETERS;
	if (ffa_is_local(caller)) {
		return id == 0 ? caller : NULL;
	}
	sender = ffa_endpoint_of_call(caller, id, true);
	*code = FFA_DENIED;
	return sender;
}

/* What VMs behind id 0 can do is their hypervisor's to know. */
static bool has_properties(const struct ffa_endpoint *e)
{
	return ffa_is_local(e) || e->kind == FFA_KIND_SP_BELOW;
}

static bool may_message(const struct ffa_endpoint *e)
{
	return e->version >= FFA_VERSION_1_1 && (!has_properties(e) || (e->properties & FFA_PROPERTY_INDIRECT) != 0);
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

/* The header was copied and checked: it is what is delivered, whatever stands in TX now. Both are locked. */
static enum ffa_code deliver(struct ffa_endpoint *sender, struct ffa_endpoint *receiver,
			     const struct ffa_message_header *header, uint32_t header_size)
{
	struct ffa_mailbox *from = &sender->mailbox, *to = &receiver->mailbox;
	uint32_t room = MIN(from->size, to->size);
	const uint8_t *tx = pa_ptr(from->tx.base);
	enum ffa_code code;
	uint8_t *rx;

	if (from->size == 0) {
		return FFA_DENIED;
	}
	code = ffa_rx_take(receiver);
	if (code != FFA_OK) {
		return code;
	}
	if (header->offset < header_size || header->offset > room || header->size > room - header->offset) {
		ffa_rx_give_back(receiver);
		return FFA_INVALID_PARAMETERS;
	}
	rx = pa_ptr(to->rx.base);
	memcpy(rx, header, header_size);
	memcpy(rx + header_size, tx + header_size, header->offset + header->size - header_size);
	to->rx_state = FFA_RX_FULL;
	return FFA_OK;
}

static enum ffa_code send_here(struct ffa_endpoint *sender, struct ffa_endpoint *receiver,
			       const struct ffa_message_header *header, uint32_t header_size, bool delayed)
{
	enum ffa_code code;
	bool notified;

	lock_both(&sender->mailbox, &receiver->mailbox);
	code = deliver(sender, receiver, header, header_size);
	/* Before the receiver can release the buffer, which it may do only after it heard of this. */
	notified = code == FFA_OK && ffa_notify_rx_full(receiver, ffa_id_is_secure(sender->id));
	spin_unlock(&sender->mailbox.lock);
	spin_unlock(&receiver->mailbox.lock);
	if (notified) {
		ffa_port_notified(receiver, -1, delayed);
	}
	return code;
}

static enum ffa_code send_from(struct ffa_endpoint *sender, const struct ffa_message_header *header,
			       uint32_t header_size, uint32_t flags)
{
	struct ffa_endpoint *receiver = ffa_endpoint_get(header->receiver);
	enum ffa_code code;

	/* Two VMs of the normal world have a hypervisor between them. */
	if (receiver == NULL || !(ffa_is_local(sender) || ffa_is_local(receiver))) {
		code = FFA_INVALID_PARAMETERS;
	} else if (!may_message(sender) || !may_message(receiver)) {
		code = FFA_DENIED;
	} else if (atomic_load(&receiver->aborted) != 0) {
		code = FFA_BUSY; /* as when it has no buffers, which it is about to lose */
	} else if (receiver->kind == FFA_KIND_SP_BELOW) {
		code = ffa_below->msg_send2(sender, flags); /* it reads the header anew, and checks it */
	} else {
		code = send_here(sender, receiver, header, header_size, (flags & FFA_MSG_SEND2_DELAY_SRI) != 0);
	}
	ffa_endpoint_put(receiver);
	return code;
}

/*
 * Copies the header. A sender of 1.2 names a service in it. Which version a VM behind id 0 speaks we are not told: it
 * is where the payload begins that tells.
 */
static enum ffa_code read_header(struct ffa_endpoint *sender, struct ffa_message_header *header, uint32_t *size)
{
	enum ffa_code code = ffa_tx_read(sender, 0, header, FFA_MESSAGE_HEADER_1_1);
	bool with_uuid = sender->version >= FFA_VERSION_1_2;

	if (code == FFA_OK && sender->kind == FFA_KIND_VM) {
		with_uuid = header->offset >= sizeof(*header);
	}
	*size = with_uuid ? sizeof(*header) : FFA_MESSAGE_HEADER_1_1;
	if (code == FFA_OK && with_uuid) {
		code = ffa_tx_read(sender, FFA_MESSAGE_HEADER_1_1, (uint8_t *)header + FFA_MESSAGE_HEADER_1_1,
				   *size - FFA_MESSAGE_HEADER_1_1);
	}
	return code;
}

static enum ffa_code send(struct ffa_endpoint *sender, uint32_t flags)
{
	uint32_t known = ffa_id_is_secure(sender->id) ? FFA_MSG_SEND2_DELAY_SRI : 0;
	struct ffa_message_header header;
	uint32_t header_size;

	if (read_header(sender, &header, &header_size) != FFA_OK) {
		return FFA_DENIED;
	}
	if (header.sender != sender->id || header.receiver == sender->id || (flags & ~known) != 0) {
		return FFA_INVALID_PARAMETERS;
	}
	return send_from(sender, &header, header_size, flags);
}

void ffa_msg_send2(struct ffa_endpoint *caller, uint64_t *x)
{
	enum ffa_code code;
	struct ffa_endpoint *sender = sender_of(caller, (uint16_t)(x[1] >> 16), &code);

	if (sender != NULL) {
		code = send(sender, (uint32_t)x[2]);
		ffa_endpoint_put(sender);
	}
	ffa_answer_code(x, code);
}
