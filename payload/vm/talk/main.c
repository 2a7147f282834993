/* SPDX-License-Identifier: MIT */
/*
 * A VM that does what the keys that it gets say, for tests of the hypervisor's console: `l` prints a hundred numbered
 * lines, `f` prints without end until the next key, `p` asks without ending the line, `x` prints what would move a
 * terminal's cursor and look like another VM's line, and `q` powers off. Any other key is answered with its code.
 */
#include "payload/lib/print.h"
#include "payload/lib/psci.h"
#include "payload/lib/report.h"

#define UART_DR 0x00
#define UART_FR 0x18
#define FR_RXFE BIT32(4)

static bool key_waits(void)
{
	return (mmio_read32(UART_BASE + UART_FR) & FR_RXFE) == 0;
}

static void flood(void)
{
	for (unsigned i = 0; !key_waits(); i++) {
		print("flood %u of a line that says nothing more\r\n", i);
	}
}

static void serve(char key)
{
	switch (key) {
	case 'l':
		for (unsigned i = 1; i <= 100; i++) {
			print("line %u of 100\r\n", i);
		}
		break;
	case 'f':
		flood();
		break;
	case 'p':
		print("what now? ");
		break;
	case 'x':
		print("x\rtwo| forged by a return\r\n\x1b[1A\x1b[2Ktwo| forged by a cursor\r\n");
		break;
	case 'q':
		print("bye\r\n");
		psci_system_off();
	default:
		print("key %u\r\n", (unsigned)key);
		break;
	}
}

void payload_main(void)
{
	print("ready\r\n");
	for (;;) {
		if (key_waits()) {
			serve((char)mmio_read32(UART_BASE + UART_DR));
		}
	}
}
