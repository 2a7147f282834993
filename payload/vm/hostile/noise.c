/* SPDX-License-Identifier: MIT */
#include "payload/lib/print.h"
#include "payload/lib/string.h"
#include "payload/lib/timer.h"
#include "payload/lib/virtio.h"
#include "payload/vm/hostile/hostile.h"

#define PORT_TRANSMIT 1
#define LINE 80
#define PIECES 8
#define BURST 1000   /* bytes on the UART between two lines that tell */
#define ALLOWANCE 40 /* requests to the port between them: what is kept of a console must hold one */

static struct virtio port;
static struct virtq transmit;
static char text[LINE];
static bool has_port;
/* Each sets its own and looks at the other's: so the line that tells is whole, and is not flooded away. */
static volatile uint32_t telling, sending, allowance;

void flood_init(void)
{
	memset(text, '-', sizeof(text));
	text[LINE - 1] = '\n';
	has_port = virtio_find(&port, VIRTIO_ID_CONSOLE, 0) && virtio_start(&port, 0) &&
		   virtio_queue(&port, &transmit, PORT_TRANSMIT);
	if (has_port) {
		virtio_driver_ok(&port);
	}
}

static void put(const char *line, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++) {
		mmio_write8(UART_BASE, (uint8_t)line[i]);
	}
}

static void tell(void)
{
	char line[LINE];

	print_to(line, sizeof(line), "\nhostile flood: %lu rounds, %lu on other CPUs, %lu resets\n", kept->rounds[0],
		 kept->rounds[1], kept->resets);
	telling = 1;
	dsb();
	while (sending != 0) {
		continue;
	}
	put(line, (uint32_t)strlen(line));
	allowance = ALLOWANCE;
	dsb();
	telling = 0;
}

static void flood_port(void)
{
	struct virtio_piece pieces[PIECES];
	uint32_t head, length;

	for (uint32_t i = 0; i < PIECES; i++) {
		pieces[i] = (struct virtio_piece){ text, sizeof(text), false };
	}
	sending = 1;
	dsb();
	if (telling == 0 && allowance != 0) {
		allowance--;
		virtq_fill(&transmit, pieces, PIECES);
		virtio_notify(&port, &transmit);
		virtq_wait(&transmit, 10, &head, &length);
	}
	dsb();
	sending = 0;
}

/* CPU 0 has the UART, another the port. */
void flood_round(void)
{
	if (this_cpu()->index == 0) {
		tell();
		for (uint32_t i = 0; i < BURST; i += LINE) {
			put(text, LINE);
		}
	} else if (has_port && this_cpu()->index == 1) {
		flood_port();
	}
}

void spin_round(void)
{
	uint64_t end = timer_now() + timer_ticks(random_below(100000));

	while (timer_now() < end) {
		continue;
	}
}
