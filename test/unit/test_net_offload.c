/* SPDX-License-Identifier: MIT */
/* TCP cut into segments and checksums made, against what a receiver would check; what is no TCP segment is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <time.h>

#include "abi/virtio.h"
#include "cmocka_main.h"
#include "dev_host.h"
#include "job_host.h"
#include "role/hyp/dev/net_offload.h"

struct packet {
	struct net_frame frame;
	uint8_t bytes[NET_FRAME_GSO_MAX];
	uint32_t ip, tcp, headers; /* offsets */
	bool v6;
};

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}
static uint32_t get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

/* As a receiver sums: with end-around carry. 0xffff if a checksum in it is right. */
static uint32_t sum_of(const uint8_t *p, uint32_t size, uint32_t sum)
{
	for (uint32_t i = 0; i < size; i++) {
		sum += (uint32_t)p[i] << (i % 2 == 0 ? 8 : 0);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static uint32_t sum_of_tcp(const uint8_t *frame, uint32_t ip, uint32_t tcp, uint32_t size, bool v6)
{
	uint32_t sum = sum_of(frame + ip + (v6 ? 8 : 12), v6 ? 32 : 8, 0);

	sum += 6 + size - tcp;
	return sum_of(frame + tcp, size - tcp, (sum & 0xffff) + (sum >> 16));
}

/* A TCP segment with random addresses, options and data, as Linux leaves it to a device. */
static void make(struct packet *p, bool v6, bool vlan, uint32_t data, uint16_t gso_size)
{
	uint8_t *ip, *tcp;

	p->v6 = v6;
	p->ip = NET_FRAME_MIN + (vlan ? 4 : 0);
	p->tcp = p->ip + (v6 ? 40 : 20 + 4 * random_below(11));
	p->headers = p->tcp + 20 + 4 * random_below(11);
	random_fill(p->bytes, p->headers + data);
	put16(p->bytes + 12, vlan ? 0x8100 : v6 ? 0x86dd : 0x0800);
	put16(p->bytes + p->ip - 2, v6 ? 0x86dd : 0x0800);
	ip = p->bytes + p->ip;
	tcp = p->bytes + p->tcp;
	ip[0] = (uint8_t)(v6 ? 0x60 : 0x40 | (p->tcp - p->ip) / 4);
	if (v6) {
		ip[6] = 6;
	} else {
		put16(ip + 6, 0x4000);
		ip[9] = 6;
	}
	tcp[12] = (uint8_t)((p->headers - p->tcp) / 4 << 4);
	p->frame = (struct net_frame){ .size = p->headers + data,
				       .partial_checksum = true,
				       .checksum_start = (uint16_t)p->tcp,
				       .checksum_offset = 16,
				       .gso_type = v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4,
				       .gso_size = gso_size };
}

static bool check(struct packet *p)
{
	p->frame.header_size = net_offload_check(&p->frame, p->bytes);
	memcpy(p->frame.header, p->bytes, NET_HEADER_MAX);
	p->frame.data = p->bytes + p->frame.header_size;
	return p->frame.header_size != 0;
}

static void check_segment(const struct packet *p, uint32_t index, uint32_t count, const uint8_t *got, uint32_t size)
{
	uint32_t first = p->headers + index * p->frame.gso_size, data = size - p->headers;
	uint8_t flags = p->bytes[p->tcp + 13];

	assert_int_equal(data, MIN((uint32_t)p->frame.gso_size, p->frame.size - first));
	assert_true(size <= NET_FRAME_MAX);
	assert_memory_equal(got + p->headers, p->bytes + first, data);
	assert_int_equal(get32(got + p->tcp + 4), get32(p->bytes + p->tcp + 4) + index * p->frame.gso_size);
	flags &= (uint8_t)~((index != 0 ? 0x80 : 0) | (index + 1 != count ? 0x09 : 0));
	assert_int_equal(got[p->tcp + 13], flags);
	if (p->v6) {
		assert_int_equal(get16(got + p->ip + 4), size - p->tcp);
	} else {
		assert_int_equal(get16(got + p->ip + 2), size - p->ip);
		assert_int_equal(get16(got + p->ip + 4), (get16(p->bytes + p->ip + 4) + index) & 0xffff);
		assert_int_equal(sum_of(got + p->ip, p->tcp - p->ip, 0), 0xffff);
	}
	assert_int_equal(sum_of_tcp(got, p->ip, p->tcp, size, p->v6), 0xffff);
	/* All else is as it was. */
	assert_memory_equal(got, p->bytes, p->ip + 2);
	assert_memory_equal(got + p->ip + 12, p->bytes + p->ip + 12, p->tcp + 4 - p->ip - 12);
	assert_memory_equal(got + p->tcp + 18, p->bytes + p->tcp + 18, p->headers - p->tcp - 18);
}

static void segments_are_whole_frames(void **state)
{
	static struct packet p;

	(void)state;
	for (unsigned round = 0; round < 2000; round++) {
		uint16_t gso_size = (uint16_t)(NET_GSO_SIZE_MIN + random_below(1300));
		uint32_t data = 1 + random_below(round % 2 == 0 ? 3u * gso_size : 65000), count;
		uint8_t got[NET_FRAME_MAX];

		make(&p, (round & 2) != 0, (round & 4) != 0, data, gso_size);
		assert_int_equal(check(&p), true);
		assert_int_equal(p.frame.header_size, p.headers);
		count = net_offload_segments(&p.frame);
		assert_int_equal(count, (data + gso_size - 1) / gso_size);
		for (uint32_t i = 0; i < count; i++) {
			check_segment(&p, i, count, got, net_offload_segment(&p.frame, i, got));
		}
	}
}

#define REFUSED(change)                         \
	do {                                    \
		make(&p, v6, vlan, 4000, 1000); \
		assert_true(check(&p));         \
		change;                         \
		assert_false(check(&p));        \
	} while (0)

static void what_is_no_tcp_segment_is_refused(void **state)
{
	static struct packet p;

	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		bool v6 = (kind & 1) != 0, vlan = (kind & 2) != 0;

		REFUSED(p.frame.partial_checksum = false);
		REFUSED(p.frame.gso_size = NET_GSO_SIZE_MIN - 1);
		REFUSED(p.frame.gso_size = (uint16_t)(p.ip + NET_MTU + 1 - p.headers));
		REFUSED(p.frame.checksum_start++);
		REFUSED(p.frame.checksum_offset = 6);
		REFUSED(p.frame.size = p.headers);
		REFUSED(p.frame.size = p.tcp + 19);
		REFUSED(p.frame.size = p.ip + 19);
		REFUSED(p.frame.size = NET_FRAME_MIN);
		REFUSED(p.frame.gso_type = v6 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6);
		REFUSED(p.bytes[p.ip] = (uint8_t)(p.bytes[p.ip] ^ 0x20));
		REFUSED(p.bytes[p.ip + (v6 ? 6 : 9)] = 17);
		REFUSED(p.bytes[p.tcp + 12] = 0x40);
		REFUSED(put16(p.bytes + p.ip - 2, 0x0806));
		if (!v6) {
			REFUSED(p.bytes[p.ip] = 0x44);
			REFUSED(put16(p.bytes + p.ip + 6, 0x2000));
			REFUSED(put16(p.bytes + p.ip + 6, 0x0001));
		}
	}
}

/* Whatever the headers and the sizes, nothing outside of a frame is touched. */
static void random_headers_do_no_harm(void **state)
{
	static struct packet p;
	unsigned accepted = 0;

	(void)state;
	for (unsigned round = 0; round < 200000; round++) {
		uint8_t *exact, *got = malloc(NET_FRAME_MAX);

		make(&p, (round & 1) != 0, (round & 2) != 0, random_below(3000), (uint16_t)random_below(1600));
		for (unsigned i = random_below(3); i != 0; i--) {
			p.bytes[12 + random_below(60)] = (uint8_t)random_below(256);
		}
		p.frame.size = NET_FRAME_MIN + random_below(p.frame.size - NET_FRAME_MIN + 1);
		exact = malloc(MAX(p.frame.size, 1u));
		memcpy(exact, p.bytes, p.frame.size);
		p.frame.header_size = net_offload_check(&p.frame, exact);
		if (p.frame.header_size != 0) {
			memcpy(p.frame.header, exact, p.frame.header_size);
			p.frame.data = exact + p.frame.header_size;
			for (uint32_t i = 0; i < net_offload_segments(&p.frame); i++) {
				assert_true(net_offload_segment(&p.frame, i, got) <= NET_FRAME_MAX);
			}
			accepted++;
		}
		free(exact);
		free(got);
	}
	assert_true(accepted > 1000);
}

static void checksums_are_made(void **state)
{
	static struct packet p;

	(void)state;
	for (unsigned round = 0; round < 1000; round++) {
		uint8_t got[NET_FRAME_MAX];
		bool v6 = (round & 1) != 0;
		uint32_t pseudo;

		make(&p, v6, false, 1 + random_below(1300), 0);
		p.frame.gso_type = VIRTIO_NET_HDR_GSO_NONE;
		p.frame.header_size = NET_FRAME_MIN;
		memcpy(p.frame.header, p.bytes, NET_FRAME_MIN);
		p.frame.data = p.bytes + NET_FRAME_MIN;
		/* A driver puts the sum of the pseudo-header there. */
		pseudo = sum_of(p.bytes + p.ip + (v6 ? 8 : 12), v6 ? 32 : 8, 0) + 6 + p.frame.size - p.tcp;
		put16(p.bytes + p.tcp + 16, (pseudo & 0xffff) + (pseudo >> 16));
		net_offload_checksum(&p.frame, got);
		assert_int_equal(sum_of_tcp(got, p.ip, p.tcp, p.frame.size, v6), 0xffff);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_are_whole_frames),
		cmocka_unit_test(what_is_no_tcp_segment_is_refused),
		cmocka_unit_test(random_headers_do_no_harm),
		cmocka_unit_test(checksums_are_made),
	};

	random_seed((uint64_t)time(NULL));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
