/* SPDX-License-Identifier: MIT */
/* Indirect messages: through the TX buffer, out of the RX buffer. */
#include "payload/sp/lib/sp.h"

#define PAYLOAD_MAX 256

static uint32_t header_size(void)
{
	return sp_program.version >= FFA_VERSION_1_2 ? sizeof(struct ffa_message_header) : FFA_MESSAGE_HEADER_1_1;
}

void sp_message(uint64_t *w)
{
	struct ffa_message_header *header = (struct ffa_message_header *)sp_tx;
	uint32_t size = (uint32_t)w[2];

	if (size > PAYLOAD_MAX) {
		w[0] = (uint64_t)FFA_INVALID_PARAMETERS;
		return;
	}
	sp_mailbox_lock();
	*header = (struct ffa_message_header){
		.offset = header_size(), .sender = sp_id, .receiver = (uint16_t)w[1], .size = size
	};
	for (uint32_t i = 0; i < size; i++) {
		sp_tx[header_size() + i] = (uint8_t)(w[4] + i);
	}
	w[0] = (uint64_t)FFA_CODE(FFA_MSG_SEND2, 0, w[3]);
	sp_mailbox_unlock();
}

/* The sender's version decides how long the header is, so the offset counts. */
void sp_received(uint64_t *w)
{
	const struct ffa_message_header *header = (const void *)sp_rx;
	uint32_t wrong = 0;

	if (header->offset < FFA_MESSAGE_HEADER_1_1 || header->offset > PAGE_SIZE - PAYLOAD_MAX ||
	    header->size > PAYLOAD_MAX) {
		w[0] = (uint64_t)FFA_INVALID_PARAMETERS;
		return;
	}
	for (uint32_t i = 0; i < header->size; i++) {
		wrong += sp_rx[header->offset + i] != (uint8_t)(w[1] + i);
	}
	w[1] = header->sender | (uint64_t)header->receiver << 16 | (uint64_t)header->size << 32;
	w[2] = wrong;
}
