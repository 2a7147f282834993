/* SPDX-License-Identifier: MIT */
/*
 * Writable flash: two 16-bit chips side by side that speak the common flash interface (JEDEC JESD68.01, JESD137) and
 * Intel's and Sharp's extended command set, as in QEMU's virt.
 *
 * While the chips show their array, the guest reads and executes the memory itself; a write faults and is a command.
 * While they show something else (status, identifiers, the query table), each access faults and comes here.
 */
#ifndef ROLE_HYP_DEV_CFI_FLASH_H
#define ROLE_HYP_DEV_CFI_FLASH_H

#include "core/vcpu/vm.h"
#include "lib/err.h"

#define CFI_FLASH_WIDTH 4u            /* bytes of the bus: two chips of 16 bits */
#define CFI_FLASH_BLOCK_SIZE KIB(256) /* what an erase clears, in both chips */
#define CFI_FLASH_ERASED 0xffu        /* each byte */
#define CFI_FLASH_SHOWN (STAGE2_R | STAGE2_X) /* how the memory is mapped at first, and whenever the array is shown */

struct cfi_flash;

/*
 * Makes the device at 'base'. 'memory' has 'size' bytes, a power of two and a multiple of BLOCK_SIZE, as is its
 * address; it is the caller's, who has mapped it as CFI_FLASH_SHOWN, and the device's alone. With 'read_only' all
 * blocks are locked. ERR_NO_MEMORY, or what bus_add() says.
 */
enum err cfi_flash_create(struct vm *vm, ipa_t base, pa_t memory, uint64_t size, bool read_only,
			  struct cfi_flash **flash);
/* Other memory of the same size, mapped so too, takes the place of its own. It has been reset since a vCPU ran. */
void cfi_flash_set_memory(struct cfi_flash *d, pa_t memory);
/* Power-on state: the array is shown. It keeps its contents. No vCPU of the VM runs. */
void cfi_flash_reset(struct cfi_flash *d);
/* The VM, and with it its stage 2, is gone or will be. */
void cfi_flash_destroy(struct cfi_flash *d);

#endif
