/* SPDX-License-Identifier: MIT */
#include "role/hyp/dev/cfi_flash.h"

#include "arch/cache.h"
#include "core/mm/pool.h"
#include "core/vcpu/vcpu.h"
#include "lib/panic.h"
#include "lib/str.h"

#define CHIPS 2u
#define LANE_BITS (8 * CFI_FLASH_WIDTH / CHIPS)

#define MANUFACTURER_INTEL 0x89u
#define DEVICE_ID 0x18u

/* The write buffer of both chips, and how many writes may fill it. */
#define BUFFER_SHIFT 9 /* of one chip */
#define BUFFER_SIZE (CHIPS << BUFFER_SHIFT)
#define BUFFER_WRITES (BUFFER_SIZE / CFI_FLASH_WIDTH)

/* Commands: the low byte of what is written. */
enum {
	CMD_PROGRAM_ALTERNATE = 0x10,
	CMD_ERASE = 0x20,
	CMD_PROGRAM = 0x40,
	CMD_CLEAR_STATUS = 0x50,
	CMD_LOCK = 0x60,
	CMD_READ_STATUS = 0x70,
	CMD_READ_ID = 0x90,
	CMD_QUERY = 0x98,
	CMD_CONFIRM = 0xd0,
	CMD_BUFFERED_PROGRAM = 0xe8,
	CMD_READ_ARRAY = 0xff,
};

/* The second write of CMD_LOCK; CMD_CONFIRM unlocks. */
enum {
	LOCK_BLOCK = 0x01,
	LOCK_DOWN = 0x2f,
};

enum {
	STATUS_LOCKED = 1 << 1,
	STATUS_PROGRAM_FAILED = 1 << 4,
	STATUS_ERASE_FAILED = 1 << 5,
	STATUS_READY = 1 << 7,
	STATUS_BAD_SEQUENCE = STATUS_PROGRAM_FAILED | STATUS_ERASE_FAILED,
};

/* What reads show. */
enum mode {
	MODE_ARRAY,
	MODE_STATUS,
	MODE_ID,
	MODE_QUERY,
};

/* What the next write is. */
enum next {
	NEXT_COMMAND,
	NEXT_DATA, /* to be programmed */
	NEXT_ERASE_CONFIRM,
	NEXT_LOCK,
	NEXT_BUFFER_COUNT, /* of writes, less one */
	NEXT_BUFFER_DATA,
	NEXT_BUFFER_CONFIRM,
};

/* Where an identifier stands that is not the same in all blocks: whether it is locked. */
#define ID_BLOCK_LOCKED 2

struct cfi_flash {
	struct vm *vm;
	ipa_t base;
	uint64_t size;
	bool read_only;

	struct spinlock lock; /* for what follows and the memory's contents; stage2.lock nests inside it */
	pa_t memory;
	enum mode mode;
	enum next next;
	uint8_t status; /* of both chips: they are always written together */
	unsigned left;  /* writes to the buffer that are still to come */
	bool begun;     /* there was one */
	uint64_t start; /* where in the flash the buffer's first byte belongs */
	uint8_t buffer[BUFFER_SIZE];
};

/* ---- what reads give ---- */

/* The memory stays mapped, so that to show it again needs no table that others might have taken meanwhile. */
static void show(struct cfi_flash *d, enum mode mode)
{
	if ((mode == MODE_ARRAY) != (d->mode == MODE_ARRAY)) {
		CHECK(stage2_protect(&d->vm->stage2, d->base, d->size, mode == MODE_ARRAY ? CFI_FLASH_SHOWN : 0) == OK);
	}
	d->mode = mode;
}

/*
 * The table of one chip (JESD68.01, 2; the primary table: Intel AP-646). Times are powers of two: us, or ms to erase.
 */
static uint8_t query(const struct cfi_flash *d, uint64_t index)
{
	static const uint8_t table[] = {
		[0x10] = 'Q',
		[0x11] = 'R',
		[0x12] = 'Y',
		[0x13] = 0x01, /* command set: Intel, Sharp extended */
		[0x15] = 0x31, /* where its table is */
		[0x1b] = 0x45, /* supply: 4.5 V */
		[0x1c] = 0x55, /* to 5.5 V */
		[0x1f] = 7, /* time of a program, */
		[0x20] = 7, /* of a buffered one, */
		[0x21] = 10, /* of erasing a block; a chip cannot be as a whole */
		[0x23] = 4, /* the longest, as multiples of those: 2^4 */
		[0x24] = 4,
		[0x25] = 4,
		[0x28] = 0x02, /* 8 or 16 bits */
		[0x2a] = BUFFER_SHIFT,
		[0x2c] = 1, /* one region of blocks */
		[0x2f] = (CFI_FLASH_BLOCK_SIZE / CHIPS >> 8) & 0xff,
		[0x30] = CFI_FLASH_BLOCK_SIZE / CHIPS >> 16,
		[0x31] = 'P',
		[0x32] = 'R',
		[0x33] = 'I',
		[0x34] = '1', /* its version: 1.0; no optional commands */
		[0x35] = '0',
		[0x3f] = 1, /* one protection field */
	};
	uint64_t blocks = d->size / CFI_FLASH_BLOCK_SIZE - 1;

	switch (index) {
	case 0x27:
		return (uint8_t)__builtin_ctzll(d->size / CHIPS);
	case 0x2d:
		return (uint8_t)blocks;
	case 0x2e:
		return (uint8_t)(blocks >> 8);
	default:
		return index < sizeof(table) ? table[index] : 0;
	}
}

/* All blocks of flash that is read-only are locked, no others ever. */
static uint8_t identifier(const struct cfi_flash *d, uint64_t index)
{
	switch (index & 0xff) {
	case 0:
		return MANUFACTURER_INTEL;
	case 1:
		return DEVICE_ID;
	case ID_BLOCK_LOCKED:
		return d->read_only;
	default:
		return 0;
	}
}

static uint64_t read_locked(const struct cfi_flash *d, uint64_t offset, unsigned size)
{
	uint64_t index = offset / CFI_FLASH_WIDTH, value = 0;
	uint32_t chip = 0;

	switch (d->mode) {
	case MODE_ARRAY:
		memcpy(&value, (const uint8_t *)pa_ptr(d->memory) + offset, size);
		return value;
	case MODE_STATUS:
		chip = d->status;
		break;
	case MODE_ID:
		chip = identifier(d, index);
		break;
	case MODE_QUERY:
		chip = query(d, index);
		break;
	}
	value = chip << LANE_BITS | chip;
	value >>= 8 * (offset % CFI_FLASH_WIDTH);
	return value & (~UINT64_C(0) >> (64 - 8 * size));
}

/* ---- what writes do ---- */

/* Programming turns ones to zeroes. A guest may read past the caches. Returns the status bits of an error. */
static unsigned program(struct cfi_flash *d, uint64_t offset, const uint8_t *data, uint64_t size)
{
	uint8_t *to = (uint8_t *)pa_ptr(d->memory) + offset;

	if (d->read_only) {
		return STATUS_PROGRAM_FAILED | STATUS_LOCKED;
	}
	for (uint64_t i = 0; i < size; i++) {
		to[i] &= data[i];
	}
	cache_clean_invalidate(to, size);
	return 0;
}

static unsigned erase(struct cfi_flash *d, uint64_t offset)
{
	uint8_t *to = (uint8_t *)pa_ptr(d->memory) + ALIGN_DOWN(offset, CFI_FLASH_BLOCK_SIZE);

	if (d->read_only) {
		return STATUS_ERASE_FAILED | STATUS_LOCKED;
	}
	memset(to, CFI_FLASH_ERASED, CFI_FLASH_BLOCK_SIZE);
	cache_clean_invalidate(to, CFI_FLASH_BLOCK_SIZE);
	return 0;
}

/* What was not written is all ones, which changes nothing. Nothing was written behind the end of the flash. */
static unsigned program_buffer(struct cfi_flash *d)
{
	return program(d, d->start, d->buffer, MIN(sizeof(d->buffer), d->size - d->start));
}

static void end_sequence(struct cfi_flash *d, unsigned error)
{
	d->status |= (uint8_t)error;
	d->next = NEXT_COMMAND;
}

static void fill_buffer(struct cfi_flash *d, uint64_t offset, unsigned size, uint64_t data)
{
	if (!d->begun) {
		d->begun = true;
		d->start = offset;
	}
	if (!range_in(offset, size, d->start, BUFFER_SIZE)) {
		end_sequence(d, STATUS_BAD_SEQUENCE);
		return;
	}
	memcpy(d->buffer + (offset - d->start), &data, size);
	if (--d->left == 0) {
		d->next = NEXT_BUFFER_CONFIRM;
	}
}

static void command(struct cfi_flash *d, uint8_t code)
{
	static const uint8_t next[] = {
		[CMD_PROGRAM_ALTERNATE] = NEXT_DATA,
		[CMD_ERASE] = NEXT_ERASE_CONFIRM,
		[CMD_PROGRAM] = NEXT_DATA,
		[CMD_LOCK] = NEXT_LOCK,
		[CMD_BUFFERED_PROGRAM] = NEXT_BUFFER_COUNT,
	};

	switch (code) {
	case CMD_CLEAR_STATUS:
		d->status = STATUS_READY;
		break;
	case CMD_PROGRAM_ALTERNATE:
	case CMD_PROGRAM:
	case CMD_ERASE:
	case CMD_LOCK:
	case CMD_BUFFERED_PROGRAM:
		d->next = next[code];
		show(d, MODE_STATUS);
		break;
	case CMD_READ_STATUS:
		show(d, MODE_STATUS);
		break;
	case CMD_READ_ID:
		show(d, MODE_ID);
		break;
	case CMD_QUERY:
		show(d, MODE_QUERY);
		break;
	default: /* CMD_READ_ARRAY, and what drivers of other chips try */
		show(d, MODE_ARRAY);
		break;
	}
}

static void write_locked(struct cfi_flash *d, uint64_t offset, unsigned size, uint64_t value)
{
	uint8_t code = (uint8_t)value;

	switch (d->next) {
	case NEXT_COMMAND:
		command(d, code);
		break;
	case NEXT_DATA:
		end_sequence(d, program(d, offset, (const uint8_t *)&value, size));
		break;
	case NEXT_ERASE_CONFIRM:
		end_sequence(d, code == CMD_CONFIRM ? erase(d, offset) : STATUS_BAD_SEQUENCE);
		break;
	case NEXT_LOCK:
		end_sequence(d,
			     code == LOCK_BLOCK || code == LOCK_DOWN || code == CMD_CONFIRM ? 0 : STATUS_BAD_SEQUENCE);
		break;
	case NEXT_BUFFER_COUNT:
		d->left = (unsigned)(value & 0xffff) + 1;
		d->begun = false;
		memset(d->buffer, CFI_FLASH_ERASED, sizeof(d->buffer));
		d->next = NEXT_BUFFER_DATA;
		if (d->left > BUFFER_WRITES) {
			end_sequence(d, STATUS_BAD_SEQUENCE);
		}
		break;
	case NEXT_BUFFER_DATA:
		fill_buffer(d, offset, size, value);
		break;
	case NEXT_BUFFER_CONFIRM:
		end_sequence(d, code == CMD_CONFIRM ? program_buffer(d) : STATUS_BAD_SEQUENCE);
		break;
	}
}

/* ---- the bus ---- */

/*
 * An access lies on one word of the bus, or it is two of them, the low one first. Firmware that executes from flash and
 * stores a pointer to a variable there does the latter, without effect if the high word is no command.
 */
static bool is_possible(uint64_t offset, unsigned size)
{
	return size <= 2 * CFI_FLASH_WIDTH && IS_ALIGNED(offset, size);
}

static bool flash_read(void *device, struct vcpu *v unused_arg, uint64_t offset, unsigned size, uint64_t *value)
{
	struct cfi_flash *d = device;

	if (!is_possible(offset, size)) {
		return false;
	}
	spin_lock(&d->lock);
	*value = read_locked(d, offset, MIN(size, CFI_FLASH_WIDTH));
	if (size > CFI_FLASH_WIDTH) {
		*value |= read_locked(d, offset + CFI_FLASH_WIDTH, CFI_FLASH_WIDTH) << 32;
	}
	spin_unlock(&d->lock);
	return true;
}

static bool flash_write(void *device, struct vcpu *v unused_arg, uint64_t offset, unsigned size, uint64_t value)
{
	struct cfi_flash *d = device;

	if (!is_possible(offset, size)) {
		return false;
	}
	spin_lock(&d->lock);
	write_locked(d, offset, MIN(size, CFI_FLASH_WIDTH), lo32(value));
	if (size > CFI_FLASH_WIDTH) {
		write_locked(d, offset + CFI_FLASH_WIDTH, CFI_FLASH_WIDTH, hi32(value));
	}
	spin_unlock(&d->lock);
	return true;
}

static const struct bus_ops flash_ops = { .read = flash_read, .write = flash_write };

enum err cfi_flash_create(struct vm *vm, ipa_t base, pa_t memory, uint64_t size, bool read_only,
			  struct cfi_flash **flash)
{
	struct cfi_flash *d = pool_alloc_object(sizeof(*d));
	enum err error;

	if (d == NULL) {
		return ERR_NO_MEMORY;
	}
	d->vm = vm;
	d->base = base;
	d->size = size;
	d->read_only = read_only;
	d->memory = memory;
	d->status = STATUS_READY;
	error = bus_add(&vm->bus, base, size, &flash_ops, d);
	if (error != OK) {
		pool_free_object(d, sizeof(*d));
		return error;
	}
	*flash = d;
	return OK;
}

void cfi_flash_set_memory(struct cfi_flash *d, pa_t memory)
{
	spin_lock(&d->lock);
	CHECK(d->mode == MODE_ARRAY);
	d->memory = memory;
	spin_unlock(&d->lock);
}

void cfi_flash_reset(struct cfi_flash *d)
{
	spin_lock(&d->lock);
	d->next = NEXT_COMMAND;
	d->status = STATUS_READY;
	show(d, MODE_ARRAY);
	spin_unlock(&d->lock);
}

void cfi_flash_destroy(struct cfi_flash *d)
{
	pool_free_object(d, sizeof(*d));
}
