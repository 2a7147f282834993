/* SPDX-License-Identifier: MIT */
#include "role/hyp/dev/net_dhcp.h"

#include "lib/str.h"

/* Where things are in a frame whose IPv4 header has no options. */
enum {
	ETH_TO = 0,
	ETH_FROM = 6,
	ETH_TYPE = 12,
	IP = 14,
	IP_LENGTH = IP + 2,
	IP_FRAGMENT = IP + 6,
	IP_TTL = IP + 8,
	IP_PROTOCOL = IP + 9,
	IP_CHECKSUM = IP + 10,
	IP_FROM = IP + 12,
	IP_TO = IP + 16,
	IP_HEADER = 20,
	UDP_HEADER = 8,
	BOOTP = IP + IP_HEADER + UDP_HEADER, /* in our answers; a request's IP header may be longer */
};

/* And in a BOOTP message. */
enum {
	OP = 0,
	HTYPE = 1,
	HLEN = 2,
	XID = 4,
	FLAGS = 10,
	CIADDR = 12,
	YIADDR = 16,
	SIADDR = 20,
	CHADDR = 28,
	COOKIE = 236,
	OPTIONS = 240,
	BOOTP_MIN = 300,
};
_Static_assert(BOOTP + BOOTP_MIN == NET_DHCP_ANSWER_SIZE, "");

#define TYPE_IPV4 0x0800
#define PROTOCOL_UDP 17
#define PORT_SERVER 67
#define PORT_CLIENT 68
#define MAGIC_COOKIE 0x63825363u
#define LEASE_SECONDS 0xffffffffu /* for good */

enum {
	OPTION_PAD = 0,
	OPTION_MASK = 1,
	OPTION_REQUESTED = 50,
	OPTION_LEASE = 51,
	OPTION_TYPE = 53,
	OPTION_SERVER = 54,
	OPTION_END = 255,
};

enum {
	DISCOVER = 1,
	OFFER = 2,
	REQUEST = 3,
	ACK = 5,
	NAK = 6,
	INFORM = 8,
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p + 2, value);
}

/* ---- reading ---- */

/* Where the UDP header is, or 0 if the frame is no whole UDP packet. */
static uint32_t udp_offset(const uint8_t *frame, uint32_t size)
{
	uint32_t at;

	if (size < IP + IP_HEADER + UDP_HEADER || get16(frame + ETH_TYPE) != TYPE_IPV4 || frame[IP] >> 4 != 4 ||
	    frame[IP_PROTOCOL] != PROTOCOL_UDP || (get16(frame + IP_FRAGMENT) & 0x3fff) != 0) {
		return 0;
	}
	at = IP + 4 * (uint32_t)(frame[IP] & 15);
	return at >= IP + IP_HEADER && at + UDP_HEADER <= size ? at : 0;
}

bool net_dhcp_is_request(const uint8_t *frame, uint32_t size)
{
	uint32_t udp = udp_offset(frame, size);

	return udp != 0 && get16(frame + udp + 2) == PORT_SERVER;
}

/* An option of 'length' bytes, or NULL. */
static const uint8_t *find_option(const uint8_t *bootp, uint32_t size, uint8_t code, uint8_t length)
{
	uint32_t at = OPTIONS;

	while (at < size && bootp[at] != OPTION_END) {
		if (bootp[at] == OPTION_PAD) {
			at++;
			continue;
		}
		if (size - at < 2 || size - at - 2 < bootp[at + 1]) {
			return NULL;
		}
		if (bootp[at] == code) {
			return bootp[at + 1] == length ? bootp + at + 2 : NULL;
		}
		at += 2u + bootp[at + 1];
	}
	return NULL;
}

/* ---- answering ---- */

static uint8_t *add_option(uint8_t *at, uint8_t code, uint32_t value)
{
	at[0] = code;
	at[1] = sizeof(value);
	put32(at + 2, value);
	return at + 2 + sizeof(value);
}

static uint32_t server_of(const struct net_dhcp *dhcp)
{
	return dhcp->network + 1;
}

static void fill_bootp(const struct net_dhcp *dhcp, uint8_t type, uint32_t address, const uint8_t *question,
		       uint8_t *answer)
{
	uint8_t *at = answer + OPTIONS;

	answer[OP] = 2;
	answer[HTYPE] = 1;
	answer[HLEN] = 6;
	memcpy(answer + XID, question + XID, 4);
	memcpy(answer + FLAGS, question + FLAGS, 2);
	memcpy(answer + CIADDR, question + CIADDR, 4);
	put32(answer + YIADDR, address);
	put32(answer + SIADDR, server_of(dhcp));
	memcpy(answer + CHADDR, question + CHADDR, 16);
	put32(answer + COOKIE, MAGIC_COOKIE);
	*at++ = OPTION_TYPE;
	*at++ = 1;
	*at++ = type;
	at = add_option(at, OPTION_SERVER, server_of(dhcp));
	if (type != NAK) {
		at = add_option(at, OPTION_MASK, ~0u << (32 - dhcp->prefix));
		if (address != 0) {
			at = add_option(at, OPTION_LEASE, LEASE_SECONDS);
		}
	}
	*at = OPTION_END;
}

/* On the port's own wire a broadcast reaches a client that has no address yet (RFC 2131, 4.1). */
static void fill_headers(const struct net_dhcp *dhcp, const uint8_t *frame, uint8_t *answer)
{
	static const uint8_t server_mac[6] = { 0x52, 0x54, 0x00, 0x76, 0xff, 0xff };
	uint32_t sum = 0;

	memcpy(answer + ETH_TO, frame + ETH_FROM, 6);
	memcpy(answer + ETH_FROM, server_mac, 6);
	put16(answer + ETH_TYPE, TYPE_IPV4);
	answer[IP] = 0x45;
	put16(answer + IP_LENGTH, IP_HEADER + UDP_HEADER + BOOTP_MIN);
	answer[IP_TTL] = 64;
	answer[IP_PROTOCOL] = PROTOCOL_UDP;
	put32(answer + IP_FROM, server_of(dhcp));
	put32(answer + IP_TO, 0xffffffff);
	for (unsigned i = 0; i < IP_HEADER; i += 2) {
		sum += get16(answer + IP + i);
	}
	sum = (sum & 0xffff) + (sum >> 16);
	put16(answer + IP_CHECKSUM, ~((sum & 0xffff) + (sum >> 16)));
	/* A UDP checksum of 0 is none (RFC 768). */
	put16(answer + IP + IP_HEADER, PORT_SERVER);
	put16(answer + IP + IP_HEADER + 2, PORT_CLIENT);
	put16(answer + IP + IP_HEADER + 4, UDP_HEADER + BOOTP_MIN);
}

unsigned net_dhcp_capacity(const struct net_dhcp *dhcp)
{
	/* Without the network's own address, the responder's, and the broadcast address. */
	return (1u << (32 - dhcp->prefix)) - NET_DHCP_FIRST_HOST - 1;
}

uint32_t net_dhcp_answer(const struct net_dhcp *dhcp, unsigned port, const uint8_t *frame, uint32_t size,
			 uint8_t answer[NET_DHCP_ANSWER_SIZE])
{
	uint32_t udp = udp_offset(frame, size);
	const uint8_t *bootp = frame + udp + UDP_HEADER, *type, *wanted, *server;
	uint32_t bootp_size = size - udp - UDP_HEADER;
	uint32_t address = dhcp->network + NET_DHCP_FIRST_HOST + port;
	uint8_t reply;

	if (udp == 0 || bootp_size < OPTIONS || port >= net_dhcp_capacity(dhcp) || bootp[OP] != 1 ||
	    bootp[HTYPE] != 1 || bootp[HLEN] != 6 || get32(bootp + COOKIE) != MAGIC_COOKIE) {
		return 0;
	}
	type = find_option(bootp, bootp_size, OPTION_TYPE, 1);
	wanted = find_option(bootp, bootp_size, OPTION_REQUESTED, 4);
	server = find_option(bootp, bootp_size, OPTION_SERVER, 4);
	if (type == NULL || (server != NULL && get32(server) != server_of(dhcp))) {
		return 0;
	}
	switch (*type) {
	case DISCOVER:
		reply = OFFER;
		break;
	case REQUEST:
		/* Asked for by option, or to go on with the one it has. */
		reply = get32(wanted != NULL ? wanted : bootp + CIADDR) == address ? ACK : NAK;
		break;
	case INFORM:
		reply = ACK;
		break;
	default:
		return 0; /* RELEASE, DECLINE: there is nothing to remember */
	}
	memset(answer, 0, NET_DHCP_ANSWER_SIZE);
	fill_headers(dhcp, frame, answer);
	fill_bootp(dhcp, reply, reply == NAK || *type == INFORM ? 0 : address, bootp, answer + BOOTP);
	return NET_DHCP_ANSWER_SIZE;
}
