/* SPDX-License-Identifier: MIT */
/*
 * FP/SIMD registers change hands on first use. Partitions have FP/SIMD but neither SVE nor SME; the normal world may
 * have both, and be in streaming mode when it calls. What it has in Z, P and FFR would not survive: a write of V zeroes
 * the rest of Z.
 */
#include "arch/barrier.h"
#include "arch/sve.h"
#include "core/mm/pool.h"
#include "core/vcpu/idreg.h"
#include "role/spmc/context.h"

#define ZCR_LEN_MAX 0xfu
#define SMCR_LEN_MAX 0xfu
#define SMCR_FA64 BIT(31)
#define SVCR_SM BIT(0)
#define SMFR0_FA64 BIT(63)

/* The two lengths that vectors have at EL2 in the normal world: EL3 keeps these registers for nobody. */
struct lengths {
	uint64_t zcr, smcr;
};

/* EL2 reaches all FP registers, at the longest vectors that EL3 grants: those of the normal world are no longer. */
static struct lengths open_all(void)
{
	const struct cpu_features *f = &cpu_features;
	struct lengths found = { 0, 0 };

	write_cptr_el2(vcpu_cptr_open(f));
	isb();
	if (cpu_features_has_sve(f)) {
		found.zcr = read_zcr_el2();
		write_zcr_el2(ZCR_LEN_MAX);
	}
	if (cpu_features_has_sme(f)) {
		found.smcr = read_smcr_el2();
		/* Full A64: there is an FFR in streaming mode. The rest, ZT0's bit among it, stays. */
		write_smcr_el2(found.smcr | SMCR_LEN_MAX | (read_id_aa64smfr0_el1() & SMFR0_FA64) >> 32);
	}
	isb();
	return found;
}

static void close_all(const struct lengths *found)
{
	if (cpu_features_has_sve(&cpu_features)) {
		write_zcr_el2(found->zcr);
	}
	if (cpu_features_has_sme(&cpu_features)) {
		write_smcr_el2(found->smcr);
	}
}

void sp_fp_open(struct sp_context *c, bool open)
{
	c->fp_open = open;
	write_cptr_el2(vcpu_cptr(&cpu_features, open));
}

enum err nwd_fp_init(struct nwd_fp *fp)
{
	bool sve = cpu_features_has_sve(&cpu_features);
	bool sme = cpu_features_has_sme(&cpu_features);
	struct lengths found;
	uint64_t longest = 0;

	if (!sve && !sme) {
		return OK;
	}
	found = open_all();
	if (sve) {
		longest = sve_vector_bytes();
	}
	if (sme) {
		longest = MAX(longest, sve_streaming_bytes());
	}
	close_all(&found);
	write_cptr_el2(vcpu_cptr(&cpu_features, false));
	fp->scalable = pool_alloc_object(sve_area_size(longest));
	return fp->scalable != NULL ? OK : ERR_NO_MEMORY;
}

/* There is an FFR, but in streaming mode only with full A64. */
static bool has_ffr(bool streaming)
{
	return !streaming || (read_id_aa64smfr0_el1() & SMFR0_FA64) != 0;
}

static bool is_scalable(uint64_t svcr)
{
	return cpu_features_has_sve(&cpu_features) || (svcr & SVCR_SM) != 0;
}

static void nwd_fp_save(struct nwd_fp *fp)
{
	struct lengths found = open_all();

	fp->svcr = cpu_features_has_sme(&cpu_features) ? read_svcr() : 0;
	if (is_scalable(fp->svcr)) {
		sve_save(fp->scalable, has_ffr((fp->svcr & SVCR_SM) != 0));
	} else {
		fp_save(&fp->fp);
	}
	if ((fp->svcr & SVCR_SM) != 0) {
		/* Leaving streaming mode zeroes the vectors and sets FPSR. */
		write_svcr(fp->svcr & ~SVCR_SM);
	}
	close_all(&found);
	fp->away = true;
}

static void nwd_fp_load(struct nwd_fp *fp)
{
	struct lengths found = open_all();

	if ((fp->svcr & SVCR_SM) != 0) {
		write_svcr(fp->svcr);
		isb();
	}
	if (is_scalable(fp->svcr)) {
		sve_load(fp->scalable, has_ffr((fp->svcr & SVCR_SM) != 0));
	} else {
		fp_load(&fp->fp);
	}
	close_all(&found);
	fp->away = false;
}

void sp_fp_trap(struct sp_context *c, struct sp_vcpu *v)
{
	struct cpu *cpu = v->cpu.cpu;

	if (!c->fp.away) {
		nwd_fp_save(&c->fp);
	}
	sp_fp_open(c, true);
	isb();
	if (cpu->fp_owner != NULL) {
		fp_save(&cpu->fp_owner->fp);
	}
	fp_load(&v->cpu.fp);
	cpu->fp_owner = &v->cpu;
}

void sp_fp_forget(struct sp_context *c, struct cpu *cpu, const struct sp_vcpu *v)
{
	if (cpu->fp_owner == &v->cpu) {
		cpu->fp_owner = NULL;
		sp_fp_open(c, false);
	}
}

void sp_fp_put(struct sp_context *c, struct cpu *cpu, struct sp_vcpu *v)
{
	if (cpu->fp_owner == &v->cpu) {
		if (!c->fp_open) {
			sp_fp_open(c, true);
			isb();
		}
		fp_save(&v->cpu.fp);
		sp_fp_forget(c, cpu, v);
	}
}

void sp_fp_give_back(struct sp_context *c, struct cpu *cpu)
{
	if (cpu->fp_owner != NULL) {
		sp_fp_put(c, cpu, sp_vcpu_of(cpu->fp_owner));
	}
	nwd_fp_load(&c->fp);
	sp_fp_open(c, false);
}
