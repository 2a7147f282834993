/* SPDX-License-Identifier: MIT */
/* The DHCP responder: a client gets its port's address, and nothing else is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "role/hyp/dev/net_dhcp.h"

#define BOOTP 42

static const struct net_dhcp dhcp = { .enabled = true, .network = 0x0a070000, .prefix = 24 };

static uint32_t request(uint8_t frame[400], uint8_t type, uint32_t wanted)
{
	uint8_t *option = frame + BOOTP + 240;

	memset(frame, 0, 400);
	memset(frame, 0xff, 6);
	memcpy(frame + 6, "\x52\x54\0\1\2\3", 6);
	frame[12] = 8;
	frame[14] = 0x45;
	frame[23] = 17;
	frame[37] = 67;
	frame[BOOTP] = 1;
	frame[BOOTP + 1] = 1;
	frame[BOOTP + 2] = 6;
	memcpy(frame + BOOTP + 4, "abcd", 4);
	memcpy(frame + BOOTP + 28, frame + 6, 6);
	memcpy(frame + BOOTP + 236, "\x63\x82\x53\x63", 4);
	memcpy(option, "\x35\1", 2);
	option[2] = type;
	option += 3;
	if (wanted != 0) {
		*option++ = 50;
		*option++ = 4;
		for (unsigned i = 0; i < 4; i++) {
			*option++ = (uint8_t)(wanted >> (24 - 8 * i));
		}
	}
	*option = 255;
	return BOOTP + 300;
}

static uint32_t at32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void a_client_gets_the_address_of_its_port(void **state)
{
	uint8_t frame[400], answer[NET_DHCP_ANSWER_SIZE];
	uint32_t size = request(frame, 1, 0), sum = 0;

	(void)state;
	assert_true(net_dhcp_is_request(frame, size));
	assert_int_equal(net_dhcp_answer(&dhcp, 3, frame, size, answer), sizeof(answer));
	assert_memory_equal(answer, frame + 6, 6);
	for (unsigned i = 0; i < 20; i += 2) {
		sum += (uint32_t)answer[14 + i] << 8 | answer[15 + i];
	}
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
	assert_int_equal(at32(answer + BOOTP + 16), 0x0a070005);
	assert_memory_equal(answer + BOOTP + 4, "abcd", 4);
	assert_memory_equal(answer + BOOTP + 240,
			    "\x35\1\2\x36\4\x0a\7\0\1\1\4\xff\xff\xff\0\x33\4\xff\xff\xff\xff\xff", 22);

	size = request(frame, 3, 0x0a070005);
	assert_int_equal(net_dhcp_answer(&dhcp, 3, frame, size, answer), sizeof(answer));
	assert_int_equal(answer[BOOTP + 242], 5);
	assert_int_equal(net_dhcp_answer(&dhcp, 4, frame, size, answer), sizeof(answer));
	assert_int_equal(answer[BOOTP + 242], 6);
	assert_int_equal(at32(answer + BOOTP + 16), 0);
}

static void what_is_no_request_gets_no_answer(void **state)
{
	static const struct {
		unsigned at;
		uint8_t value;
	} spoilt[] = { { 12, 0x86 }, { 14, 0x65 }, { 14, 0x44 }, { 20, 0x20 }, { 21, 1 }, { 23, 6 }, { 37, 68 } };
	static const struct {
		unsigned at;
		uint8_t value;
	} unanswered[] = { { 0, 2 }, { 1, 6 }, { 2, 16 }, { 236, 0 }, { 240, 0 }, { 241, 2 }, { 242, 7 }, { 242, 4 } };
	uint8_t frame[400], answer[NET_DHCP_ANSWER_SIZE];
	uint32_t size;

	(void)state;
	for (unsigned i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
		size = request(frame, 1, 0);
		frame[spoilt[i].at] = spoilt[i].value;
		assert_false(net_dhcp_is_request(frame, size));
	}
	for (unsigned i = 0; i < sizeof(unanswered) / sizeof(unanswered[0]); i++) {
		size = request(frame, 1, 0);
		frame[BOOTP + unanswered[i].at] = unanswered[i].value;
		assert_int_equal(net_dhcp_answer(&dhcp, 0, frame, size, answer), 0);
	}
	size = request(frame, 1, 0);
	for (uint32_t cut = 0; cut < BOOTP + 243; cut++) {
		assert_int_equal(net_dhcp_answer(&dhcp, 0, frame, cut, answer), 0);
	}
	assert_int_equal(net_dhcp_answer(&dhcp, 252, frame, size, answer), sizeof(answer));
	assert_int_equal(net_dhcp_answer(&dhcp, 253, frame, size, answer), 0);
	/* Asked of another server. */
	memcpy(frame + BOOTP + 243, "\x36\4\x0a\7\0\2\xff", 7);
	assert_int_equal(net_dhcp_answer(&dhcp, 0, frame, size, answer), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_gets_the_address_of_its_port),
		cmocka_unit_test(what_is_no_request_gets_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
