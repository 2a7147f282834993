/* SPDX-License-Identifier: MIT */
/*
 * A neighbour on a switch that does all that it can to hurt the others, for ever: broadcasts, frames with others'
 * source addresses and with ever new ones, headers that lie, TCP segments that are none, and a receive ring that is
 * never refilled.
 */
#include "payload/lib/report.h"
#include "payload/lib/string.h"
#include "payload/lib/timer.h"
#include "payload/lib/virtio.h"

#define NET_F_CSUM BIT(0)
#define NET_F_GUEST_CSUM BIT(1)
#define NET_F_MAC BIT(5)
#define NET_F_GUEST_TSO4 BIT(7)
#define NET_F_HOST_TSO4 BIT(11)
#define NET_F_MRG_RXBUF BIT(15)

struct header {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t num_buffers;
};

static struct virtio port;
static struct virtq rx, tx;
static uint8_t received[2][1600];
static struct {
	struct header header;
	uint8_t frame[KIB(63)];
} __attribute__((packed)) sent;
static uint64_t state = 88172645463325252;

static uint32_t any(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

static void put_mac(uint8_t *at, const uint8_t *mac)
{
	memcpy(at, mac, 6);
}

/* What is sent next; returns its size with the virtio header. */
static uint32_t prepare(uint32_t kind, const uint8_t *own, const uint8_t *victim)
{
	static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	uint8_t strange[6] = { 2, 0, (uint8_t)any(), (uint8_t)any(), (uint8_t)any(), (uint8_t)any() };
	uint32_t size = sizeof(struct header) + 60 + any() % 1400;

	memset(&sent, 0, sizeof(struct header) + 128);
	put_mac(sent.frame, everybody);
	put_mac(sent.frame + 6, own);
	sent.frame[12] = 0x88; /* an EtherType for experiments */
	sent.frame[13] = 0xb5;
	switch (kind) {
	case 0: /* a broadcast */
		break;
	case 1: /* as the victim, to everybody */
		put_mac(sent.frame + 6, victim);
		break;
	case 2: /* as somebody new, to somebody unknown */
		put_mac(sent.frame, strange);
		strange[5]++;
		put_mac(sent.frame + 6, strange);
		break;
	case 3: /* a header of rubbish */
		for (uint32_t i = 0; i < sizeof(struct header); i++) {
			((uint8_t *)&sent.header)[i] = (uint8_t)any();
		}
		break;
	case 4: /* too short, too long */
		size = any() % 2 == 0 ? any() % 26 + 1 : 1600 + any() % KIB(60);
		break;
	case 5: /* a segment to be cut that is rubbish from some byte on */
	default: /* and one that is not, to everybody */
		sent.header = (struct header){ 1, 1, (uint16_t)any(), (uint16_t)(48 + any() % 1400), 34, 16, 0 };
		sent.frame[12] = 0x08;
		sent.frame[13] = 0;
		sent.frame[14] = 0x45;
		sent.frame[23] = 6;
		sent.frame[46] = 0x50;
		size = sizeof(struct header) + 60 + any() % KIB(62);
		if (kind == 5) {
			sent.frame[12 + any() % 40] = (uint8_t)any();
			sent.header.csum_offset = (uint16_t)(any() % 32);
		}
		break;
	}
	return size;
}

static void open(void)
{
	if (!virtio_find(&port, VIRTIO_ID_NET, 0) ||
	    !virtio_start(&port, NET_F_CSUM | NET_F_GUEST_CSUM | NET_F_MAC | NET_F_GUEST_TSO4 | NET_F_HOST_TSO4 |
					 NET_F_MRG_RXBUF) ||
	    !virtio_queue(&port, &rx, 0) || !virtio_queue(&port, &tx, 1)) {
		report_fatal("there is no network device");
	}
	virtio_driver_ok(&port);
	/* Two buffers, never given back: whoever sends to this port waits in vain. */
	for (uint16_t i = 0; i < 2; i++) {
		rx.desc[i] = (struct virtq_desc){ (uint64_t)received[i], sizeof(received[i]), VIRTQ_WRITE, 0 };
		virtq_offer(&rx, i);
	}
	virtio_notify(&port, &rx);
	rx.avail.flags = tx.avail.flags = VIRTQ_NO_INTERRUPT;
}

void payload_main(void)
{
	uint8_t own[6], victim[6];
	uint64_t frames = 0;

	open();
	for (uint32_t i = 0; i < 6; i++) {
		own[i] = mmio_read8(port.base + VIRTIO_CONFIG + i);
	}
	/* The VMs' own addresses have the VM's number in the fifth byte. */
	put_mac(victim, own);
	victim[4] = 0;
	print("flooding\n");
	for (;;) {
		uint32_t size = prepare((uint32_t)(frames % 7), own, victim);
		struct virtio_piece pieces[] = { { &sent, MIN(size, 7u), false },
						 { (uint8_t *)&sent + 7, size - MIN(size, 7u), false } };
		uint32_t len;

		if (!virtio_request(&port, &tx, pieces, size > 7 ? 2 : 1, &len)) {
			report_fatal("a frame of kind %lu is not taken", frames % 7);
		}
		if (++frames % 20000 == 0) {
			print("%lu frames\n", frames);
		}
	}
}
