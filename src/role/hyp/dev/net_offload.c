/* SPDX-License-Identifier: MIT */
#include "role/hyp/dev/net_offload.h"

#include "lib/str.h"

#define TYPE_VLAN 0x8100
#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86dd
#define PROTOCOL_TCP 6

/* Offsets in an IPv4 header (RFC 791). */
enum {
	V4_LENGTH = 2,
	V4_ID = 4,
	V4_FRAGMENT = 6,
	V4_PROTOCOL = 9,
	V4_CHECKSUM = 10,
	V4_ADDRESSES = 12,
	V4_HEADER = 20,
};

/* In an IPv6 header (RFC 8200). */
enum {
	V6_LENGTH = 4,
	V6_NEXT = 6,
	V6_ADDRESSES = 8,
	V6_HEADER = 40,
};

/* In a TCP header (RFC 9293). */
enum {
	TCP_SEQUENCE = 4,
	TCP_OFFSET = 12,
	TCP_FLAGS = 13,
	TCP_CHECKSUM = 16,
	TCP_HEADER = 20,
};
#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_CWR 0x80

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

/* ---- checksums (RFC 1071) ---- */

/* The sum of big-endian 16-bit words, not folded; a last odd byte is the upper half of one. */
static uint64_t sum_words(const uint8_t *p, uint32_t size)
{
	uint64_t sum = 0;

	for (; size >= 2; p += 2, size -= 2) {
		sum += get16(p);
	}
	return size != 0 ? sum + ((uint64_t)p[0] << 8) : sum;
}

static uint32_t fold(uint64_t sum)
{
	while (sum >> 16 != 0) {
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint32_t)sum;
}

void net_offload_checksum(const struct net_frame *frame, uint8_t *to)
{
	uint32_t sum;

	memcpy(to, frame->header, frame->header_size);
	net_frame_read(frame, frame->header_size, to + frame->header_size, frame->size - frame->header_size);
	/* The field holds the sum of the pseudo-header, which belongs in. */
	sum = fold(sum_words(to + frame->checksum_start, frame->size - frame->checksum_start));
	/* Of the two zeros UDP uses the one for "no checksum" (RFC 768). */
	put16(to + frame->checksum_start + frame->checksum_offset, sum == 0xffff ? sum : ~sum);
}

/* ---- segments ---- */

static uint32_t ip_offset(const uint8_t *headers)
{
	return NET_FRAME_MIN + (get16(headers + NET_FRAME_MIN - 2) == TYPE_VLAN ? NET_VLAN_TAG_SIZE : 0);
}

/* How long the IP header is, or 0. 'left' bytes of it and what follows are there. */
static uint32_t ip_header_size(const uint8_t *ip, uint32_t type, uint8_t gso_type, uint32_t left)
{
	uint32_t size;

	if (gso_type == VIRTIO_NET_HDR_GSO_TCPV6) {
		return type == TYPE_IPV6 && left >= V6_HEADER && ip[0] >> 4 == 6 && ip[V6_NEXT] == PROTOCOL_TCP
			       ? V6_HEADER
			       : 0;
	}
	if (type != TYPE_IPV4 || left < V4_HEADER || ip[0] >> 4 != 4 || ip[V4_PROTOCOL] != PROTOCOL_TCP ||
	    (get16(ip + V4_FRAGMENT) & 0x3fff) != 0) {
		return 0;
	}
	size = 4 * (uint32_t)(ip[0] & 15);
	return size >= V4_HEADER && size <= left ? size : 0;
}

uint32_t net_offload_check(const struct net_frame *frame, const uint8_t *headers)
{
	uint32_t available = MIN(frame->size, (uint32_t)NET_HEADER_MAX);
	uint32_t ip, ip_size, tcp, size;

	if (!frame->partial_checksum || frame->gso_size < NET_GSO_SIZE_MIN ||
	    available < NET_FRAME_MIN + NET_VLAN_TAG_SIZE) {
		return 0;
	}
	ip = ip_offset(headers);
	ip_size = ip_header_size(headers + ip, get16(headers + ip - 2), frame->gso_type, available - ip);
	tcp = ip + ip_size;
	if (ip_size == 0 || tcp != frame->checksum_start || frame->checksum_offset != TCP_CHECKSUM ||
	    available - tcp < TCP_HEADER) {
		return 0;
	}
	size = tcp + 4 * (uint32_t)(headers[tcp + TCP_OFFSET] >> 4);
	return size >= tcp + TCP_HEADER && size <= available && size < frame->size &&
			       size + frame->gso_size <= net_frame_limit(headers)
		       ? size
		       : 0;
}

uint32_t net_offload_segments(const struct net_frame *frame)
{
	return (frame->size - frame->header_size + frame->gso_size - 1) / frame->gso_size;
}

/* Makes the IP header of segment 'index' right; returns the sum of TCP's pseudo-header. */
static uint64_t finish_ip(uint8_t *ip, uint32_t index, uint32_t tcp_size, uint32_t header_size)
{
	uint64_t sum = PROTOCOL_TCP + tcp_size;

	if (ip[0] >> 4 == 6) {
		put16(ip + V6_LENGTH, tcp_size);
		return sum + sum_words(ip + V6_ADDRESSES, V6_HEADER - V6_ADDRESSES);
	}
	put16(ip + V4_LENGTH, header_size + tcp_size);
	put16(ip + V4_ID, get16(ip + V4_ID) + index);
	put16(ip + V4_CHECKSUM, 0);
	put16(ip + V4_CHECKSUM, ~fold(sum_words(ip, header_size)));
	return sum + sum_words(ip + V4_ADDRESSES, V4_HEADER - V4_ADDRESSES);
}

uint32_t net_offload_segment(const struct net_frame *frame, uint32_t index, uint8_t *to)
{
	uint32_t first = frame->header_size + index * frame->gso_size;
	uint32_t data = MIN((uint32_t)frame->gso_size, frame->size - first);
	uint32_t size = frame->header_size + data, sequence;
	uint8_t *ip = to + ip_offset(frame->header), *tcp = to + frame->checksum_start;
	uint64_t sum;

	memcpy(to, frame->header, frame->header_size);
	net_frame_read(frame, first, to + frame->header_size, data);
	sequence = get32(tcp + TCP_SEQUENCE) + index * frame->gso_size;
	put16(tcp + TCP_SEQUENCE, sequence >> 16);
	put16(tcp + TCP_SEQUENCE + 2, sequence);
	if (index != 0) {
		tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
	}
	if (first + data != frame->size) {
		tcp[TCP_FLAGS] &= (uint8_t)~(TCP_FIN | TCP_PSH);
	}
	sum = finish_ip(ip, index, size - frame->checksum_start, (uint32_t)(tcp - ip));
	put16(tcp + TCP_CHECKSUM, 0);
	put16(tcp + TCP_CHECKSUM, ~fold(sum + sum_words(tcp, size - frame->checksum_start)));
	return size;
}
