/* SPDX-License-Identifier: MIT */
/* Arm Firmware Framework for A-profile (DEN0077A), versions 1.0 to 1.2: function ids, codes and layouts in memory. */
#ifndef ABI_FFA_H
#define ABI_FFA_H

#include <stdint.h>

/* ---- function ids (chapter 11 to 18); _64 is the SMC64 form ---- */
enum {
	FFA_ERROR = 0x84000060,
	FFA_SUCCESS = 0x84000061,
	FFA_INTERRUPT = 0x84000062,
	FFA_VERSION = 0x84000063,
	FFA_FEATURES = 0x84000064,
	FFA_RX_RELEASE = 0x84000065,
	FFA_RXTX_MAP = 0x84000066,
	FFA_RXTX_UNMAP = 0x84000067,
	FFA_PARTITION_INFO_GET = 0x84000068,
	FFA_ID_GET = 0x84000069,
	FFA_MSG_POLL = 0x8400006a, /* 1.0 only */
	FFA_MSG_WAIT = 0x8400006b,
	FFA_YIELD = 0x8400006c,
	FFA_RUN = 0x8400006d,
	FFA_MSG_SEND = 0x8400006e, /* 1.0 only */
	FFA_MSG_SEND_DIRECT_REQ = 0x8400006f,
	FFA_MSG_SEND_DIRECT_RESP = 0x84000070,
	FFA_MEM_DONATE = 0x84000071,
	FFA_MEM_LEND = 0x84000072,
	FFA_MEM_SHARE = 0x84000073,
	FFA_MEM_RETRIEVE_REQ = 0x84000074,
	FFA_MEM_RETRIEVE_RESP = 0x84000075,
	FFA_MEM_RELINQUISH = 0x84000076,
	FFA_MEM_RECLAIM = 0x84000077,
	FFA_MEM_OP_PAUSE = 0x84000078,
	FFA_MEM_OP_RESUME = 0x84000079,
	FFA_MEM_FRAG_RX = 0x8400007a,
	FFA_MEM_FRAG_TX = 0x8400007b,
	FFA_NORMAL_WORLD_RESUME = 0x8400007c,
	FFA_NOTIFICATION_BITMAP_CREATE = 0x8400007d,
	FFA_NOTIFICATION_BITMAP_DESTROY = 0x8400007e,
	FFA_NOTIFICATION_BIND = 0x8400007f,
	FFA_NOTIFICATION_UNBIND = 0x84000080,
	FFA_NOTIFICATION_SET = 0x84000081,
	FFA_NOTIFICATION_GET = 0x84000082,
	FFA_NOTIFICATION_INFO_GET = 0x84000083,
	FFA_RX_ACQUIRE = 0x84000084,
	FFA_SPM_ID_GET = 0x84000085,
	FFA_MSG_SEND2 = 0x84000086,
	FFA_MEM_PERM_GET = 0x84000088,
	FFA_MEM_PERM_SET = 0x84000089,
	FFA_CONSOLE_LOG = 0x8400008a,
	FFA_EL3_INTR_HANDLE = 0x8400008c,
};
#define FFA_64 0x40000000u /* in an id: the SMC64 form */
#define FFA_SUCCESS_64 (FFA_SUCCESS | FFA_64)
#define FFA_RXTX_MAP_64 (FFA_RXTX_MAP | FFA_64)
#define FFA_MSG_SEND_DIRECT_REQ_64 (FFA_MSG_SEND_DIRECT_REQ | FFA_64)
#define FFA_MSG_SEND_DIRECT_RESP_64 (FFA_MSG_SEND_DIRECT_RESP | FFA_64)
#define FFA_MEM_DONATE_64 (FFA_MEM_DONATE | FFA_64)
#define FFA_MEM_LEND_64 (FFA_MEM_LEND | FFA_64)
#define FFA_MEM_SHARE_64 (FFA_MEM_SHARE | FFA_64)
#define FFA_MEM_RETRIEVE_REQ_64 (FFA_MEM_RETRIEVE_REQ | FFA_64)
#define FFA_NOTIFICATION_INFO_GET_64 (FFA_NOTIFICATION_INFO_GET | FFA_64)
#define FFA_MEM_PERM_GET_64 (FFA_MEM_PERM_GET | FFA_64)
#define FFA_MEM_PERM_SET_64 (FFA_MEM_PERM_SET | FFA_64)
#define FFA_CONSOLE_LOG_64 (FFA_CONSOLE_LOG | FFA_64)
/* Those that exist as SMC64 only. */
#define FFA_SECONDARY_EP_REGISTER_64 0xc4000087u
#define FFA_PARTITION_INFO_GET_REGS_64 0xc400008bu
#define FFA_MSG_SEND_DIRECT_REQ2_64 0xc400008du
#define FFA_MSG_SEND_DIRECT_RESP2_64 0xc400008eu
/* The numbers that are FF-A's among the standard service calls: the low byte of an id. */
#define FFA_NUMBER_FIRST 0x60u
#define FFA_NUMBER_LAST 0x8eu
/* What they have for FF-A, later versions' among them; behind it is the errata ABI (DEN0028). */
#define FFA_NUMBERS (0xf0u - FFA_NUMBER_FIRST)

/* ---- error codes (13.1) ---- */
enum ffa_code {
	FFA_OK = 0, /* none of theirs: the call was done */
	FFA_NOT_SUPPORTED = -1,
	FFA_INVALID_PARAMETERS = -2,
	FFA_NO_MEMORY = -3,
	FFA_BUSY = -4,
	FFA_INTERRUPTED = -5,
	FFA_DENIED = -6,
	FFA_RETRY = -7,
	FFA_ABORTED = -8,
	FFA_NO_DATA = -9,
};

/* ---- versions (13.2) ---- */
#define FFA_VERSION_1_0 0x10000u
#define FFA_VERSION_1_1 0x10001u
#define FFA_VERSION_1_2 0x10002u
#define FFA_VERSION_MBZ 0x80000000u
#define FFA_VERSION_MAJOR_SHIFT 16

/* ---- ids (6.1) ---- */
enum {
	FFA_ID_NWD = 0, /* the hypervisor, or the OS where there is none */
	FFA_ID_VM_INVALID = 0x7fff,
	FFA_ID_SPMC = 0x8000,
	FFA_ID_SP_FIRST = 0x8001,
	FFA_ID_EL3_FIRST = 0xffc0, /* logical partitions at EL3 */
	FFA_ID_EL3_LAST = 0xfffe,
	FFA_ID_SPMD = 0xffff,
};
#define FFA_ID_SECURE 0x8000u

/* ---- FFA_FEATURES (13.3) ---- */
enum {
	FFA_FEATURE_NPI = 1,
	FFA_FEATURE_SRI = 2,
	FFA_FEATURE_ME = 3,
};
#define FFA_FEATURES_IS_CALL 0x80000000u
#define FFA_FEATURES_RETRIEVE_NS_BIT 2u
#define FFA_FEATURES_RETRIEVE_HYPERVISOR 4u
/* Interrupt ids that the field has settled on. */
enum {
	FFA_INTID_VTIMER = 3, /* of a partition's physical timer, which is emulated */
	FFA_INTID_ME = 4,
	FFA_INTID_NPI = 5,
	FFA_INTID_SRI = 8, /* an SGI of the normal world */
	/* Of a VM: an SGI, since Linux's driver describes it to its GIC by its number alone. */
	FFA_INTID_GUEST_NPI = 8,
	FFA_INTID_IPI = 9,
};

/* ---- partition information (6.2.2, 13.8) ---- */
struct ffa_uuid {
	uint32_t word[4];
};

struct ffa_partition_info_1_0 {
	uint16_t id;
	uint16_t vcpu_count;
	uint32_t properties;
};

struct ffa_partition_info {
	uint16_t id;
	uint16_t vcpu_count;
	uint32_t properties;
	struct ffa_uuid uuid;
};
_Static_assert(sizeof(struct ffa_partition_info) == 24, "");

enum {
	FFA_PROPERTY_DIRECT_RECV = 1 << 0,
	FFA_PROPERTY_DIRECT_SEND = 1 << 1,
	FFA_PROPERTY_INDIRECT = 1 << 2,
	FFA_PROPERTY_NOTIFICATIONS = 1 << 3,
	FFA_PROPERTY_VM_CREATED = 1 << 6,
	FFA_PROPERTY_VM_DESTROYED = 1 << 7,
	FFA_PROPERTY_AARCH64 = 1 << 8,
	FFA_PROPERTY_DIRECT2_RECV = 1 << 9,
	FFA_PROPERTY_DIRECT2_SEND = 1 << 10,
};
#define FFA_PARTITION_INFO_COUNT_ONLY 1u

/* ---- framework messages in direct messages (15, 18.2.4) ---- */
#define FFA_FRAMEWORK_MESSAGE 0x80000000u /* in w2 */
#define FFA_FRAMEWORK_ID_MASK 0xffu
enum {
	FFA_FRAMEWORK_PSCI_REQ = 0,
	FFA_FRAMEWORK_WARM_BOOT_REQ = 1,
	FFA_FRAMEWORK_POWER_RESP = 2,
	FFA_FRAMEWORK_VM_CREATED_REQ = 4,
	FFA_FRAMEWORK_VM_CREATED_RESP = 5,
	FFA_FRAMEWORK_VM_DESTROYED_REQ = 6,
	FFA_FRAMEWORK_VM_DESTROYED_RESP = 7,
	FFA_FRAMEWORK_VERSION_REQ = 8,
	FFA_FRAMEWORK_VERSION_RESP = 9,
};

/* ---- indirect messages (7.6, FFA_MSG_SEND2) ---- */
#define FFA_MSG_SEND2_DELAY_SRI 2u
struct ffa_message_header {
	uint32_t flags; /* MBZ */
	uint32_t reserved;
	uint32_t offset; /* of the payload, from this header */
	uint16_t receiver;
	uint16_t sender;
	uint32_t size; /* of the payload */
	/* From here on only with 1.2. */
	uint32_t reserved2;
	struct ffa_uuid uuid;
};
#define FFA_MESSAGE_HEADER_1_1 20u
_Static_assert(sizeof(struct ffa_message_header) == 40, "");

/* Where the buffers of an endpoint behind a relayer are (RXTX_MAP with no addresses). */
struct ffa_endpoint_rxtx {
	uint16_t endpoint;
	uint16_t reserved;
	uint32_t rx_offset; /* of a composite, from this header */
	uint32_t tx_offset;
	uint32_t padding;
};

/* ---- memory management (10, and DEN0140) ---- */
struct ffa_memory_region_1_0 {
	uint16_t sender;
	uint8_t attributes;
	uint8_t reserved_0;
	uint32_t flags;
	uint64_t handle;
	uint64_t tag;
	uint32_t reserved_1;
	uint32_t access_count;
};
_Static_assert(sizeof(struct ffa_memory_region_1_0) == 32, "");

struct ffa_memory_region {
	uint16_t sender;
	uint16_t attributes;
	uint32_t flags;
	uint64_t handle;
	uint64_t tag;
	uint32_t access_size;
	uint32_t access_count;
	uint32_t access_offset;
	uint32_t reserved[3];
};
_Static_assert(sizeof(struct ffa_memory_region) == 48, "");

/* "Endpoint memory access descriptor": the first 16 bytes; in 1.2 'implementation' comes before the reserved word. */
struct ffa_memory_access {
	uint16_t endpoint;
	uint8_t permissions;
	uint8_t flags;
	uint32_t composite_offset;
	uint64_t reserved;
};
#define FFA_MEMORY_ACCESS_1_1 16u
_Static_assert(sizeof(struct ffa_memory_access) == FFA_MEMORY_ACCESS_1_1, "");

struct ffa_memory_access_1_2 {
	uint16_t endpoint;
	uint8_t permissions;
	uint8_t flags;
	uint32_t composite_offset;
	uint64_t implementation[2];
	uint64_t reserved;
};
#define FFA_MEMORY_ACCESS_1_2 32u
_Static_assert(sizeof(struct ffa_memory_access_1_2) == FFA_MEMORY_ACCESS_1_2, "");

struct ffa_composite {
	uint32_t page_count;
	uint32_t range_count;
	uint64_t reserved;
};

struct ffa_constituent {
	uint64_t address;
	uint32_t page_count;
	uint32_t reserved;
};
_Static_assert(sizeof(struct ffa_composite) == 16 && sizeof(struct ffa_constituent) == 16, "");

struct ffa_relinquish {
	uint64_t handle;
	uint32_t flags;
	uint32_t endpoint_count;
	uint16_t endpoints[];
};

enum {
	FFA_DATA_UNSPECIFIED = 0,
	FFA_DATA_RO = 1,
	FFA_DATA_RW = 2,
	FFA_DATA_RESERVED = 3,
	FFA_EXEC_UNSPECIFIED = 0,
	FFA_EXEC_XN = 1,
	FFA_EXEC_X = 2,
	FFA_EXEC_RESERVED = 3,
};
#define FFA_PERMISSION_DATA_SHIFT 0
#define FFA_PERMISSION_DATA_WIDTH 2
#define FFA_PERMISSION_EXEC_SHIFT 2
#define FFA_PERMISSION_EXEC_WIDTH 2
#define FFA_PERMISSION_MBZ 0xf0u

#define FFA_ATTRIBUTE_SHARE_SHIFT 0
#define FFA_ATTRIBUTE_SHARE_WIDTH 2
#define FFA_ATTRIBUTE_CACHE_SHIFT 2
#define FFA_ATTRIBUTE_CACHE_WIDTH 2
#define FFA_ATTRIBUTE_TYPE_SHIFT 4
#define FFA_ATTRIBUTE_TYPE_WIDTH 2
#define FFA_ATTRIBUTE_NS 0x40u
#define FFA_ATTRIBUTE_MBZ 0xff80u
enum {
	FFA_SHARE_NON = 0,
	FFA_SHARE_OUTER = 2,
	FFA_SHARE_INNER = 3,
	FFA_CACHE_NC = 1,
	FFA_CACHE_WB = 3,
	FFA_TYPE_UNSPECIFIED = 0,
	FFA_TYPE_DEVICE = 1,
	FFA_TYPE_NORMAL = 2,
};

/* Flags of a transaction descriptor. */
#define FFA_MEM_ZERO 1u
#define FFA_MEM_TIME_SLICE 2u
#define FFA_RETRIEVE_ZERO_AFTER 4u
#define FFA_RETRIEVE_TYPE_SHIFT 3
#define FFA_RETRIEVE_TYPE_WIDTH 2
#define FFA_RETRIEVE_HINT_SHIFT 5
#define FFA_RETRIEVE_HINT_WIDTH 4
#define FFA_RETRIEVE_HINT_VALID 0x200u
#define FFA_RETRIEVE_BYPASS 0x400u
#define FFA_RETRIEVE_MBZ 0xfffff800u
enum ffa_memory_type {
	FFA_MEMORY_ANY = 0,
	FFA_MEMORY_SHARE = 1,
	FFA_MEMORY_LEND = 2,
	FFA_MEMORY_DONATE = 3,
};

#define FFA_HANDLE_INVALID UINT64_MAX
#define FFA_HANDLE_HYPERVISOR (UINT64_C(1) << 63)

/* FFA_MEM_PERM_GET, _SET */
enum {
	FFA_PERM_RX = 3,
	FFA_PERM_RW = 5,
	FFA_PERM_RO = 7,
};

/* ---- notifications (9) ---- */
#define FFA_NOTIFICATION_PER_VCPU 1u
#define FFA_NOTIFICATION_DELAY_SRI 2u
enum {
	FFA_NOTIFICATION_GET_SP = 1 << 0,
	FFA_NOTIFICATION_GET_VM = 1 << 1,
	FFA_NOTIFICATION_GET_SPM = 1 << 2,
	FFA_NOTIFICATION_GET_HYP = 1 << 3,
};
#define FFA_NOTIFICATION_GET_ALL 0xfu
/* x2 of an answer to INFO_GET, and how many ids its 64-bit form has, in x3 to x7. */
#define FFA_INFO_MORE 1u
#define FFA_INFO_LISTS_SHIFT 7
#define FFA_INFO_LISTS_WIDTH 5
#define FFA_INFO_SIZES_SHIFT 12 /* two bits for each list: vCPUs behind the endpoint */
#define FFA_INFO_IDS_64 20
#define FFA_FRAMEWORK_RX_FULL_SPM (UINT64_C(1) << 0)
#define FFA_FRAMEWORK_RX_FULL_HYP (UINT64_C(1) << 32)

#define FFA_MSG_WAIT_RETAIN_RX 1u

/* ---- boot information (5.4) ---- */
struct ffa_boot_info_header {
	uint32_t signature;
	uint32_t version;
	uint32_t blob_size;
	uint32_t descriptor_size;
	uint32_t descriptor_count;
	uint32_t descriptor_offset;
	uint64_t reserved;
};
#define FFA_BOOT_INFO_SIGNATURE 0x0ffau

struct ffa_boot_info {
	uint8_t name[16];
	uint8_t type; /* [6:0] 0 FDT, 1 HOB list */
	uint8_t reserved;
	uint16_t flags; /* [1:0] name format, [3:2] 0 contents is an address, 1 a value */
	uint32_t size;
	uint64_t contents;
};
_Static_assert(sizeof(struct ffa_boot_info_header) == 32 && sizeof(struct ffa_boot_info) == 32, "");

/* ---- the peer's paravirtual interrupt calls: x0 of an HVC from S-EL1 or SVC from S-EL0 ---- */
enum {
	HF_INTERRUPT_ENABLE = 0xff03,
	HF_INTERRUPT_GET = 0xff04,
	HF_INTERRUPT_DEACTIVATE = 0xff08,
	HF_INTERRUPT_RECONFIGURE = 0xff09,
	HF_INTERRUPT_SEND_IPI = 0xff0a,
};
#define HF_INTERRUPT_NONE 0xffffffffu

#endif
