/* SPDX-License-Identifier: MIT */
/*
 * One execution context that runs on whatever CPU it is called on, speaks FF-A 1.1, and has its RX and TX buffers from
 * its manifest. It passes messages and memory on to other partitions.
 */
#include "payload/sp/lib/sp.h"

const struct sp_program sp_program = {
	.name = "relay",
	.version = FFA_VERSION_1_1,
	/* manifest.dts has them too */
	.tx_offset = 0xe0000,
	.rx_offset = 0xe1000,
};
