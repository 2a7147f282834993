/* SPDX-License-Identifier: MIT */
#include "payload/linux/ffa_test/partition.h"

#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <asm/virt.h>

#include "payload/linux/ffa_test/memory.h"

#define RESUMES_MAX 100000
#define FREE_MS 20000
#define SECURE 0x8000

struct ffa_device *hello, *irq, *relay, *servant, *other_linux;
enum below below;
u16 own_id;

/* UUID_OF() is no constant in the eyes of the compiler. */
#define ID(...) ID_OF_WORDS(__VA_ARGS__)
#define ID_OF_WORDS(a, b, c, d)                                                            \
	{                                                                                  \
		{                                                                          \
			{                                                                  \
				UUID_BYTES(a), UUID_BYTES(b), UUID_BYTES(c), UUID_BYTES(d) \
			}                                                                  \
		}                                                                          \
	}

static const struct ffa_device_id ids[] = { ID(UUID_WORDS_HELLO), ID(UUID_WORDS_IRQ),   ID(UUID_WORDS_RELAY),
					    ID(UUID_WORDS_VM_2),  ID(UUID_WORDS_LINUX), {} };

static struct ffa_device **place_of(const struct ffa_device *device)
{
	struct ffa_device **const places[] = { &hello, &irq, &relay, &servant, &other_linux };

	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
		if (uuid_equal(&device->uuid, &ids[i].uuid)) {
			return places[i];
		}
	}
	return NULL;
}

static int probe(struct ffa_device *device)
{
	struct ffa_device **place = place_of(device);

	if (place == NULL || *place != NULL) {
		return -ENODEV;
	}
	*place = device;
	return 0;
}

/* The driver goes while we stay: what is open ends while there is somebody to tell. */
static void gone(struct ffa_device *device)
{
	memory_take_back_kept();
	*place_of(device) = NULL;
}

static struct ffa_driver driver = {
	.name = "ffa_test",
	.probe = probe,
	.remove = gone,
	.id_table = ids,
};

int partition_init(void)
{
	return ffa_register(&driver);
}

void partition_exit(void)
{
	ffa_unregister(&driver);
}

bool partition_any(void)
{
	return hello != NULL || servant != NULL || other_linux != NULL;
}

bool partition_find_below(void)
{
	struct arm_smccc_1_2_regs r = FFA(FFA_ID_GET);

	if (!ffa_is(&r, FFA_SUCCESS)) {
		return false;
	}
	own_id = (u16)r.a2;
	below = own_id != 0 ? BELOW_HYPERVISOR : is_protected_kvm_enabled() ? BELOW_PKVM : BELOW_NOBODY;
	return true;
}

bool partition_strict_proxy(void)
{
	return below == BELOW_PKVM && FFA_CODE(FFA_FEATURES, FFA_PARTITION_INFO_GET_REGS) != 0;
}

u32 partition_version(void)
{
	return hello->ops->info_ops->api_version_get();
}

struct arm_smccc_1_2_regs ffa_call(struct arm_smccc_1_2_regs call)
{
	struct arm_smccc_1_2_regs result;

	arm_smccc_1_2_smc(&call, &result);
	return result;
}

struct arm_smccc_1_2_regs ffa_request(struct arm_smccc_1_2_regs call)
{
	ktime_t end = ktime_add_ms(ktime_get(), FREE_MS);
	struct arm_smccc_1_2_regs r;

	do {
		r = ffa_call(call);
		cond_resched();
	} while (ffa_code(&r) == FFA_RET_BUSY && (call.a1 & SECURE) == 0 && ktime_before(ktime_get(), end));
	return r;
}

struct arm_smccc_1_2_regs ffa_message(struct arm_smccc_1_2_regs call)
{
	struct arm_smccc_1_2_regs r = ffa_request(call);

	for (unsigned int i = 0; i < RESUMES_MAX && (ffa_is(&r, FFA_INTERRUPT) || ffa_is(&r, FFA_YIELD)); i++) {
		r.a0 = FFA_RUN;
		r.a1 = (u32)r.a1;
		r.a2 = r.a3 = r.a4 = r.a5 = r.a6 = r.a7 = 0;
		r = ffa_call(r);
	}
	return r;
}

/* Of an error that the driver made of FF-A's code. */
static int code_of(int error)
{
	switch (error) {
	case -EOPNOTSUPP:
		return FFA_RET_NOT_SUPPORTED;
	case -EINVAL:
		return FFA_RET_INVALID_PARAMETERS;
	case -ENOMEM:
		return FFA_RET_NO_MEMORY;
	case -EBUSY:
		return FFA_RET_BUSY;
	case -EACCES:
		return FFA_RET_DENIED;
	default:
		return FFA_RET_ABORTED;
	}
}

/* A VM has interrupts of its own, and while all its CPUs take some it is busy. Partitions are not. */
static bool again(const struct ffa_device *to, int error, ktime_t end)
{
	cond_resched();
	return error == -EBUSY && (to->vm_id & SECURE) == 0 && ktime_before(ktime_get(), end);
}

struct words command(struct ffa_device *sp, struct words words)
{
	ktime_t end = ktime_add_ms(ktime_get(), FREE_MS);
	struct ffa_send_direct_data data;
	int error = -ENODEV;

	while (sp != NULL) {
		data = (struct ffa_send_direct_data){ words.w[0], words.w[1], words.w[2], words.w[3], words.w[4] };
		error = sp->ops->msg_ops->sync_send_receive(sp, &data);
		if (!again(sp, error, end)) {
			break;
		}
	}
	if (error != 0) {
		return (struct words){ { (u64)code_of(error) } };
	}
	return (struct words){ { data.data0, data.data1, data.data2, data.data3, data.data4 } };
}

struct words call_from(struct ffa_device *sp, u64 x0, u64 x1, u64 x2, u64 x3)
{
	struct words w = COMMAND(sp, COMMAND_CALL, x0, x1, x2, x3);

	if (w.w[0] != 0) {
		return (struct words){ { 0, 0, w.w[0] } };
	}
	return (struct words){ { w.w[1], w.w[2], w.w[3], w.w[4] } };
}

int code_from(struct ffa_device *sp, u64 x0, u64 x1, u64 x2, u64 x3)
{
	struct words w = call_from(sp, x0, x1, x2, x3);

	return w.w[0] == 0 || (u32)w.w[0] == FFA_ERROR ? (int)w.w[2] : 0;
}
