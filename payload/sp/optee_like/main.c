/* SPDX-License-Identifier: MIT */
/* Boot, and the message loop of each CPU. docs/optee.md has the list of calls that this follows. */
#include <stdarg.h>

#include "abi/pl011.h"
#include "payload/lib/arch.h"
#include "payload/lib/fdt.h"
#include "payload/lib/mmu.h"
#include "payload/lib/print.h"
#include "payload/sp/optee_like/like.h"
#include "payload/sp/optee_like/protocol.h"

#define SECURE_DRAM_BASE 0x0e000000ul
#define SECURE_DRAM_SIZE MIB(16)
#define NS_RAM_SIZE GIB(1)
#define CPACR_FPEN (UINT64_C(3) << 20)
#define DAIF_IF (UINT64_C(3) << 6)
#define TREE_SIZE 1 /* word of a device tree's header that has its size, big-endian */
#define REVISION_MAJOR 4
#define REVISION_MINOR 5

uint8_t *like_tx, *like_rx;
uint16_t like_id;
uint32_t like_counts[COUNT_LAST];

static struct like_cpu cpus[LIKE_CPUS];
static struct spinlock log_lock;

struct like_cpu *like_cpu(void)
{
	return (struct like_cpu *)read_sysreg(tpidr_el1);
}

uint64_t like_mask(void)
{
	uint64_t before = read_sysreg(daif);

	__asm__ volatile("msr daifset, #3" ::: "memory");
	return before & DAIF_IF;
}

void like_unmask(uint64_t before)
{
	write_sysreg(daif, (read_sysreg(daif) & ~DAIF_IF) | before);
}

void like_count(enum service_count what)
{
	__atomic_fetch_add(&like_counts[what], 1, __ATOMIC_RELAXED);
}

void like_log(const char *fmt, ...)
{
	char text[128];
	uint64_t before;
	va_list args;

	va_start(args, fmt);
	vprint_to(text, sizeof(text), fmt, args);
	va_end(args);
	before = like_mask();
	spin_lock(&log_lock);
	for (const char *c = text; *c != '\0'; c++) {
		while ((mmio_read32(LIKE_UART + PL011_FR) & PL011_FR_TXFF) != 0) {
		}
		mmio_write32(LIKE_UART + PL011_DR, (uint8_t)*c);
	}
	spin_unlock(&log_lock);
	like_unmask(before);
}

/* As OP-TEE does: it spins, and calls nobody. */
noreturn void like_panic(const char *why)
{
	like_mask();
	like_log("optee_like: panic: %s\n", why);
	for (;;) {
		__asm__ volatile("nop");
	}
}

noreturn void like_die(uint64_t vector)
{
	like_log("optee_like: vector %lu ESR 0x%lx FAR 0x%lx ELR 0x%lx\n", vector, read_sysreg(esr_el1),
		 read_sysreg(far_el1), read_sysreg(elr_el1));
	like_panic("exception");
}

void like_irq(void)
{
	uint32_t intid = (uint32_t)HVC(HF_INTERRUPT_GET).x[0];

	if (intid == HF_INTERRUPT_NONE) {
		return;
	}
	if (intid != LIKE_UART_INTID) {
		like_panic("an interrupt that it does not have");
	}
	uart_interrupt();
	if (HVC(HF_INTERRUPT_DEACTIVATE, intid, intid).x[0] != 0) {
		like_count(COUNT_REFUSED);
	}
}

struct regs like_hvc_with(struct regs regs)
{
	like_hvc(&regs);
	return regs;
}

/* ---- messages ---- */

static void exchange_capabilities(struct regs *r)
{
	struct regs known = HVC(FFA_FEATURES, FFA_NOTIFICATION_SET);
	bool notifies = (uint32_t)known.x[0] == FFA_SUCCESS;

	r->x[3] = TEE_SUCCESS;
	r->x[4] = LIKE_RPC_PARAMS;
	r->x[5] = OPTEE_CAP_ARG_OFFSET | (notifies ? OPTEE_CAP_ASYNC_NOTIF : 0);
	r->x[6] = 0;
}

static void unregister(struct regs *r)
{
	r->x[3] = memory_drop(ffa_u64(r->x[4], r->x[5])) ? TEE_SUCCESS : (uint32_t)TEE_ITEM_NOT_FOUND;
}

/* A request from Linux: w3-w7 become the answer's, unless it went to a thread. */
static void serve(struct regs *r)
{
	const struct regs request = *r;

	r->x[4] = r->x[5] = r->x[6] = r->x[7] = 0;
	switch ((uint32_t)request.x[3]) {
	case OPTEE_GET_API_VERSION:
		r->x[3] = 1;
		break;
	case OPTEE_GET_OS_VERSION:
		r->x[3] = REVISION_MAJOR;
		r->x[4] = REVISION_MINOR;
		break;
	case OPTEE_EXCHANGE_CAPABILITIES:
		exchange_capabilities(r);
		break;
	case OPTEE_UNREGISTER_SHM:
		r->x[4] = request.x[4];
		r->x[5] = request.x[5];
		unregister(r);
		break;
	case OPTEE_ENABLE_ASYNC_NOTIF:
		uart_notify((int32_t)(request.x[4] & 63));
		r->x[3] = TEE_SUCCESS;
		break;
	case OPTEE_YIELDING_CALL:
		thread_call(&request);
		r->x[3] = (uint32_t)TEE_BUSY;
		break;
	case OPTEE_YIELDING_RESUME:
		thread_resume(&request, request.x[7]);
		r->x[3] = (uint32_t)TEE_BAD_PARAMETERS;
		break;
	default:
		r->x[3] = (uint32_t)TEE_BAD_PARAMETERS;
	}
}

static void answer(struct regs *r)
{
	if ((r->x[2] & FFA_FRAMEWORK_MESSAGE) != 0) {
		*r = (struct regs){ .x = { FFA_ERROR, 0, (uint32_t)FFA_NOT_SUPPORTED } };
		return;
	}
	serve(r);
	r->x[0] = (uint32_t)r->x[0] + 1;
	r->x[1] = (uint32_t)(r->x[1] << 16 | (uint32_t)r->x[1] >> 16);
	r->x[2] = 0;
}

/* What came back from the last call, and what is called next. */
static void step(struct regs *r)
{
	switch ((uint32_t)r->x[0]) {
	case FFA_MSG_SEND_DIRECT_REQ:
	case FFA_MSG_SEND_DIRECT_REQ_64:
		answer(r);
		break;
	case FFA_INTERRUPT:
		*r = (struct regs){ .x = { FFA_MSG_WAIT } };
		break;
	case FFA_ERROR:
		like_panic("an error from the SPMC");
	default:
		like_panic("no message, and no interrupt");
	}
}

noreturn void like_loop(void)
{
	struct like_cpu *cpu = like_cpu();

	for (;;) {
		if (cpu->left != NULL) {
			/* Nobody is on its stack any more. */
			__atomic_store_n(&cpu->left->state, cpu->left_state, __ATOMIC_RELEASE);
			cpu->left = NULL;
		}
		like_smc_open(&cpu->regs);
		step(&cpu->regs);
	}
}

/* ---- boot ---- */

/* With the MMU off: OP-TEE takes nothing else than this. Returns where the memory of the package is. */
static uint64_t read_boot_info(const struct ffa_boot_info_header *header)
{
	const struct ffa_boot_info *info;
	const uint32_t *tree;

	if (header == NULL || header->signature != FFA_BOOT_INFO_SIGNATURE || header->version != FFA_VERSION_1_1 ||
	    header->descriptor_count != 1) {
		like_panic("bad boot information");
	}
	info = (const void *)((const uint8_t *)header + header->descriptor_offset);
	tree = (const void *)info->contents;
	if ((info->flags >> 2 & 3) != 0 || !fdt_init(tree) || __builtin_bswap32(tree[TREE_SIZE]) > info->size) {
		like_panic("no manifest in its boot information");
	}
	if (fdt_u32(FDT_ROOT, "mem-size", 0) == 0) {
		like_panic("no mem-size in its manifest");
	}
	return fdt_u32(FDT_ROOT, "load-address", 0);
}

static uint64_t expect(struct regs r, uint32_t id, const char *what)
{
	if ((uint32_t)r.x[0] != id) {
		like_panic(what);
	}
	return r.x[2];
}

static void introduce(uint64_t base)
{
	uint32_t version = (uint32_t)HVC(FFA_VERSION, FFA_VERSION_1_1).x[0];

	if (version >> FFA_VERSION_MAJOR_SHIFT != 1 || version < FFA_VERSION_1_1) {
		like_panic("FFA_VERSION");
	}
	/*
	 * All of the memory is the partition's own: where the manifest and the boot information were is as good as
	 * any.
	 */
	like_tx = (uint8_t *)(base + PAGE_SIZE);
	like_rx = (uint8_t *)base;
	expect(HVC(FFA_RXTX_MAP_64, (uint64_t)like_tx, (uint64_t)like_rx, 1), FFA_SUCCESS, "FFA_RXTX_MAP");
	if (expect(HVC(FFA_SPM_ID_GET), FFA_SUCCESS, "FFA_SPM_ID_GET") != FFA_ID_SPMC) {
		like_panic("the SPMC's id");
	}
	like_id = (uint16_t)expect(HVC(FFA_ID_GET), FFA_SUCCESS, "FFA_ID_GET");
}

static void map_machine(void)
{
	mmu_begin();
	mmu_map(SECURE_DRAM_BASE, SECURE_DRAM_BASE, SECURE_DRAM_SIZE, MMU_NORMAL, true);
	mmu_map(LIKE_UART, LIKE_UART, PAGE_SIZE, MMU_DEVICE, false);
	mmu_map(RAM_BASE, RAM_BASE, NS_RAM_SIZE, MMU_NORMAL_NS, false);
	mmu_start();
	/* The others read it with their MMU off. */
	cache_clean(&mmu_regs, sizeof(mmu_regs));
}

static void init_cpu(uint64_t index)
{
	struct like_cpu *cpu = &cpus[index % LIKE_CPUS];

	*cpu = (struct like_cpu){ .index = (uint32_t)index, .stack = (uint64_t)like_stacks[index + 1] };
	cpu->regs = (struct regs){ .x = { FFA_MSG_WAIT } };
	write_sysreg(tpidr_el1, (uint64_t)cpu);
	write_sysreg(vbar_el1, (uint64_t)like_vectors);
	write_sysreg(cpacr_el1, CPACR_FPEN);
	isb();
}

noreturn void like_boot(uint64_t index, const struct ffa_boot_info_header *info)
{
	uint64_t base = read_boot_info(info);
	struct regs entry = { .x = { FFA_SECONDARY_EP_REGISTER_64, (uint64_t)like_secondary } };

	map_machine();
	init_cpu(index);
	introduce(base);
	uart_start();
	like_smc(&entry);
	if ((uint32_t)entry.x[0] != FFA_SUCCESS) {
		like_log("optee_like: FFA_SECONDARY_EP_REGISTER is refused\n");
	}
	like_log("optee_like: partition 0x%x is up\n", (uint32_t)like_id);
	like_loop();
}

noreturn void like_boot_secondary(uint64_t index)
{
	init_cpu(index);
	like_loop();
}
