/* SPDX-License-Identifier: MIT */
/* The reader of an SP's manifest between its files: the partition's own properties, and its nodes. */
#ifndef ROLE_SPMC_MANIFEST_SP_H
#define ROLE_SPMC_MANIFEST_SP_H

#include "role/spmc/manifest_reader.h"

struct sp_reader {
	struct manifest_reader r; /* first */
	const struct spmc_manifest *spmc;
	const struct spmc_sp *sp;
	struct sp_manifest *out;
	bool has_boot_info;
	uint32_t rx_phandle, tx_phandle; /* of rx_tx-info; 0: none */
};

/* Why 'smmu-id' and its like are refused. */
#define NO_DMA "DMA cannot be confined: no SMMU is driven yet; remove the property, or wait until one is"

/* Reads the node that was just entered, a child of the root. */
bool sp_read_node(struct sp_reader *s);
/* When all nodes are known: the buffers that rx_tx-info speaks of. */
bool sp_resolve_rxtx(struct sp_reader *s);

#endif
