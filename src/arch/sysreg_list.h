/* SPDX-License-Identifier: MIT */
/*
 * Every system register that this project names: X(name, op0, op1, CRn, CRm, op2). Spelling and encodings: Arm ARM,
 * D19.
 */
#ifndef ARCH_SYSREG_LIST_H
#define ARCH_SYSREG_LIST_H

/* clang-format off */
/* Breakpoint and watchpoint n: value and control. */
#define SYSREG_DEBUG(X, n) \
	X(dbgbvr##n##_el1, 2, 0, 0, n, 4) X(dbgbcr##n##_el1, 2, 0, 0, n, 5) \
	X(dbgwvr##n##_el1, 2, 0, 0, n, 6) X(dbgwcr##n##_el1, 2, 0, 0, n, 7)

#define SYSREG_LIST(X) \
	/* identification */                                           \
	X(midr_el1, 3, 0, 0, 0, 0)                                     \
	X(mpidr_el1, 3, 0, 0, 0, 5)                                    \
	X(revidr_el1, 3, 0, 0, 0, 6)                                   \
	X(id_pfr0_el1, 3, 0, 0, 1, 0)                                  \
	X(id_aa64pfr0_el1, 3, 0, 0, 4, 0)                              \
	X(id_aa64pfr1_el1, 3, 0, 0, 4, 1)                              \
	X(id_aa64pfr2_el1, 3, 0, 0, 4, 2)                              \
	X(id_aa64zfr0_el1, 3, 0, 0, 4, 4)                              \
	X(id_aa64smfr0_el1, 3, 0, 0, 4, 5)                             \
	X(id_aa64fpfr0_el1, 3, 0, 0, 4, 7)                             \
	X(id_aa64dfr0_el1, 3, 0, 0, 5, 0)                              \
	X(id_aa64dfr1_el1, 3, 0, 0, 5, 1)                              \
	X(id_aa64afr0_el1, 3, 0, 0, 5, 4)                              \
	X(id_aa64afr1_el1, 3, 0, 0, 5, 5)                              \
	X(id_aa64isar0_el1, 3, 0, 0, 6, 0)                             \
	X(id_aa64isar1_el1, 3, 0, 0, 6, 1)                             \
	X(id_aa64isar2_el1, 3, 0, 0, 6, 2)                             \
	X(id_aa64isar3_el1, 3, 0, 0, 6, 3)                             \
	X(id_aa64mmfr0_el1, 3, 0, 0, 7, 0)                             \
	X(id_aa64mmfr1_el1, 3, 0, 0, 7, 1)                             \
	X(id_aa64mmfr2_el1, 3, 0, 0, 7, 2)                             \
	X(id_aa64mmfr3_el1, 3, 0, 0, 7, 3)                             \
	X(id_aa64mmfr4_el1, 3, 0, 0, 7, 4)                             \
	X(ctr_el0, 3, 3, 0, 0, 1)                                      \
	X(dczid_el0, 3, 3, 0, 0, 7)                                    \
	X(clidr_el1, 3, 1, 0, 0, 1)                                    \
	X(aidr_el1, 3, 1, 0, 0, 7)                                     \
	/* EL2 control */                                              \
	X(vpidr_el2, 3, 4, 0, 0, 0)                                    \
	X(vmpidr_el2, 3, 4, 0, 0, 5)                                   \
	X(sctlr_el2, 3, 4, 1, 0, 0)                                    \
	X(hcr_el2, 3, 4, 1, 1, 0)                                      \
	X(mdcr_el2, 3, 4, 1, 1, 1)                                     \
	X(cptr_el2, 3, 4, 1, 1, 2)                                     \
	X(hstr_el2, 3, 4, 1, 1, 3)                                     \
	X(hfgrtr_el2, 3, 4, 1, 1, 4)                                   \
	X(hfgwtr_el2, 3, 4, 1, 1, 5)                                   \
	X(hfgitr_el2, 3, 4, 1, 1, 6)                                   \
	X(zcr_el2, 3, 4, 1, 2, 0)                                      \
	X(hcrx_el2, 3, 4, 1, 2, 2)                                     \
	X(smcr_el2, 3, 4, 1, 2, 6)                                     \
	X(ttbr0_el2, 3, 4, 2, 0, 0)                                    \
	X(tcr_el2, 3, 4, 2, 0, 2)                                      \
	X(vttbr_el2, 3, 4, 2, 1, 0)                                    \
	X(vtcr_el2, 3, 4, 2, 1, 2)                                     \
	X(vsttbr_el2, 3, 4, 2, 6, 0)                                   \
	X(vstcr_el2, 3, 4, 2, 6, 2)                                    \
	X(hdfgrtr_el2, 3, 4, 3, 1, 4)                                  \
	X(hdfgwtr_el2, 3, 4, 3, 1, 5)                                  \
	X(hafgrtr_el2, 3, 4, 3, 1, 6)                                  \
	X(spsr_el2, 3, 4, 4, 0, 0)                                     \
	X(elr_el2, 3, 4, 4, 0, 1)                                      \
	X(sp_el1, 3, 4, 4, 1, 0)                                       \
	X(esr_el2, 3, 4, 5, 2, 0)                                      \
	X(far_el2, 3, 4, 6, 0, 0)                                      \
	X(hpfar_el2, 3, 4, 6, 0, 4)                                    \
	X(mair_el2, 3, 4, 10, 2, 0)                                    \
	X(vbar_el2, 3, 4, 12, 0, 0)                                    \
	X(vdisr_el2, 3, 4, 12, 1, 1)                                   \
	X(rmr_el2, 3, 4, 12, 0, 2)                                     \
	X(tpidr_el2, 3, 4, 13, 0, 2)                                   \
	X(cntvoff_el2, 3, 4, 14, 0, 3)                                 \
	X(cnthctl_el2, 3, 4, 14, 1, 0)                                 \
	X(cnthp_tval_el2, 3, 4, 14, 2, 0)                              \
	X(cnthp_ctl_el2, 3, 4, 14, 2, 1)                               \
	X(cnthp_cval_el2, 3, 4, 14, 2, 2)                              \
	X(cnthps_ctl_el2, 3, 4, 14, 5, 1)                              \
	X(cnthps_cval_el2, 3, 4, 14, 5, 2)                             \
	/* EL1 state of a vCPU */                                      \
	X(sctlr_el1, 3, 0, 1, 0, 0)                                    \
	X(actlr_el1, 3, 0, 1, 0, 1)                                    \
	X(cpacr_el1, 3, 0, 1, 0, 2)                                    \
	X(ttbr0_el1, 3, 0, 2, 0, 0)                                    \
	X(ttbr1_el1, 3, 0, 2, 0, 1)                                    \
	X(tcr_el1, 3, 0, 2, 0, 2)                                      \
	X(tcr2_el1, 3, 0, 2, 0, 3)                                     \
	X(apiakeylo_el1, 3, 0, 2, 1, 0)                                \
	X(apiakeyhi_el1, 3, 0, 2, 1, 1)                                \
	X(apibkeylo_el1, 3, 0, 2, 1, 2)                                \
	X(apibkeyhi_el1, 3, 0, 2, 1, 3)                                \
	X(apdakeylo_el1, 3, 0, 2, 2, 0)                                \
	X(apdakeyhi_el1, 3, 0, 2, 2, 1)                                \
	X(apdbkeylo_el1, 3, 0, 2, 2, 2)                                \
	X(apdbkeyhi_el1, 3, 0, 2, 2, 3)                                \
	X(apgakeylo_el1, 3, 0, 2, 3, 0)                                \
	X(apgakeyhi_el1, 3, 0, 2, 3, 1)                                \
	X(spsr_el1, 3, 0, 4, 0, 0)                                     \
	X(elr_el1, 3, 0, 4, 0, 1)                                      \
	X(sp_el0, 3, 0, 4, 1, 0)                                       \
	X(afsr0_el1, 3, 0, 5, 1, 0)                                    \
	X(afsr1_el1, 3, 0, 5, 1, 1)                                    \
	X(esr_el1, 3, 0, 5, 2, 0)                                      \
	X(far_el1, 3, 0, 6, 0, 0)                                      \
	X(par_el1, 3, 0, 7, 4, 0)                                      \
	X(mair_el1, 3, 0, 10, 2, 0)                                    \
	X(pire0_el1, 3, 0, 10, 2, 2)                                   \
	X(pir_el1, 3, 0, 10, 2, 3)                                     \
	X(amair_el1, 3, 0, 10, 3, 0)                                   \
	X(vbar_el1, 3, 0, 12, 0, 0)                                    \
	X(isr_el1, 3, 0, 12, 1, 0)                                     \
	X(contextidr_el1, 3, 0, 13, 0, 1)                              \
	X(tpidr_el1, 3, 0, 13, 0, 4)                                   \
	X(scxtnum_el1, 3, 0, 13, 0, 7)                                 \
	X(cntkctl_el1, 3, 0, 14, 1, 0)                                 \
	X(csselr_el1, 3, 2, 0, 0, 0)                                   \
	X(tpidr_el0, 3, 3, 13, 0, 2)                                   \
	X(tpidrro_el0, 3, 3, 13, 0, 3)                                 \
	X(scxtnum_el0, 3, 3, 13, 0, 7)                                 \
	X(mdscr_el1, 2, 0, 0, 2, 2)                                    \
	X(mdccint_el1, 2, 0, 0, 2, 0)                                  \
	X(oslar_el1, 2, 0, 1, 0, 4)                                    \
	X(oslsr_el1, 2, 0, 1, 1, 4)                                    \
	X(osdlr_el1, 2, 0, 1, 3, 4)                                    \
	SYSREG_DEBUG(X, 0)                                             \
	SYSREG_DEBUG(X, 1)                                             \
	SYSREG_DEBUG(X, 2)                                             \
	SYSREG_DEBUG(X, 3)                                             \
	SYSREG_DEBUG(X, 4)                                             \
	SYSREG_DEBUG(X, 5)                                             \
	SYSREG_DEBUG(X, 6)                                             \
	SYSREG_DEBUG(X, 7)                                             \
	SYSREG_DEBUG(X, 8)                                             \
	SYSREG_DEBUG(X, 9)                                             \
	SYSREG_DEBUG(X, 10)                                            \
	SYSREG_DEBUG(X, 11)                                            \
	SYSREG_DEBUG(X, 12)                                            \
	SYSREG_DEBUG(X, 13)                                            \
	SYSREG_DEBUG(X, 14)                                            \
	SYSREG_DEBUG(X, 15)                                            \
	/* the same registers seen from an EL2 with HCR_EL2.E2H = 1 */ \
	X(sctlr_el12, 3, 5, 1, 0, 0)                                   \
	X(cpacr_el12, 3, 5, 1, 0, 2)                                   \
	X(ttbr0_el12, 3, 5, 2, 0, 0)                                   \
	X(ttbr1_el12, 3, 5, 2, 0, 1)                                   \
	X(tcr_el12, 3, 5, 2, 0, 2)                                     \
	X(spsr_el12, 3, 5, 4, 0, 0)                                    \
	X(elr_el12, 3, 5, 4, 0, 1)                                     \
	X(afsr0_el12, 3, 5, 5, 1, 0)                                   \
	X(afsr1_el12, 3, 5, 5, 1, 1)                                   \
	X(esr_el12, 3, 5, 5, 2, 0)                                     \
	X(far_el12, 3, 5, 6, 0, 0)                                     \
	X(mair_el12, 3, 5, 10, 2, 0)                                   \
	X(amair_el12, 3, 5, 10, 3, 0)                                  \
	X(vbar_el12, 3, 5, 12, 0, 0)                                   \
	X(contextidr_el12, 3, 5, 13, 0, 1)                             \
	X(cntkctl_el12, 3, 5, 14, 1, 0)                                \
	X(cntv_ctl_el02, 3, 5, 14, 3, 1)                               \
	X(cntv_cval_el02, 3, 5, 14, 3, 2)                              \
	X(cntp_ctl_el02, 3, 5, 14, 2, 1)                               \
	X(cntp_cval_el02, 3, 5, 14, 2, 2)                              \
	/* timers */                                                   \
	X(cntfrq_el0, 3, 3, 14, 0, 0)                                  \
	X(cntpct_el0, 3, 3, 14, 0, 1)                                  \
	X(cntvct_el0, 3, 3, 14, 0, 2)                                  \
	X(cntp_tval_el0, 3, 3, 14, 2, 0)                               \
	X(cntp_ctl_el0, 3, 3, 14, 2, 1)                                \
	X(cntp_cval_el0, 3, 3, 14, 2, 2)                               \
	X(cntv_tval_el0, 3, 3, 14, 3, 0)                               \
	X(cntv_ctl_el0, 3, 3, 14, 3, 1)                                \
	X(cntv_cval_el0, 3, 3, 14, 3, 2)                               \
	/* floating point and PMU control */                           \
	X(svcr, 3, 3, 4, 2, 2)                                         \
	X(fpcr, 3, 3, 4, 4, 0)                                         \
	X(fpsr, 3, 3, 4, 4, 1)                                         \
	X(pmcr_el0, 3, 3, 9, 12, 0)                                    \
	X(pmuserenr_el0, 3, 3, 9, 14, 0)                               \
	/* GIC CPU interface */                                        \
	X(icc_pmr_el1, 3, 0, 4, 6, 0)                                  \
	X(icc_iar0_el1, 3, 0, 12, 8, 0)                                \
	X(icc_eoir0_el1, 3, 0, 12, 8, 1)                               \
	X(icc_igrpen0_el1, 3, 0, 12, 12, 6)                            \
	X(icc_dir_el1, 3, 0, 12, 11, 1)                                \
	X(icc_rpr_el1, 3, 0, 12, 11, 3)                                \
	X(icc_sgi1r_el1, 3, 0, 12, 11, 5)                              \
	X(icc_asgi1r_el1, 3, 0, 12, 11, 6)                             \
	X(icc_sgi0r_el1, 3, 0, 12, 11, 7)                              \
	X(icc_iar1_el1, 3, 0, 12, 12, 0)                               \
	X(icc_eoir1_el1, 3, 0, 12, 12, 1)                              \
	X(icc_hppir0_el1, 3, 0, 12, 8, 2)                              \
	X(icc_hppir1_el1, 3, 0, 12, 12, 2)                             \
	X(icc_bpr1_el1, 3, 0, 12, 12, 3)                               \
	X(icc_ctlr_el1, 3, 0, 12, 12, 4)                               \
	X(icc_sre_el1, 3, 0, 12, 12, 5)                                \
	X(icc_igrpen1_el1, 3, 0, 12, 12, 7)                            \
	X(icc_sre_el2, 3, 4, 12, 9, 5)                                 \
	/* GIC virtual interface control */                            \
	X(ich_ap0r0_el2, 3, 4, 12, 8, 0)                               \
	X(ich_ap0r1_el2, 3, 4, 12, 8, 1)                               \
	X(ich_ap0r2_el2, 3, 4, 12, 8, 2)                               \
	X(ich_ap0r3_el2, 3, 4, 12, 8, 3)                               \
	X(ich_ap1r0_el2, 3, 4, 12, 9, 0)                               \
	X(ich_ap1r1_el2, 3, 4, 12, 9, 1)                               \
	X(ich_ap1r2_el2, 3, 4, 12, 9, 2)                               \
	X(ich_ap1r3_el2, 3, 4, 12, 9, 3)                               \
	X(ich_hcr_el2, 3, 4, 12, 11, 0)                                \
	X(ich_vtr_el2, 3, 4, 12, 11, 1)                                \
	X(ich_misr_el2, 3, 4, 12, 11, 2)                               \
	X(ich_eisr_el2, 3, 4, 12, 11, 3)                               \
	X(ich_elrsr_el2, 3, 4, 12, 11, 5)                              \
	X(ich_vmcr_el2, 3, 4, 12, 11, 7)                               \
	X(ich_lr0_el2, 3, 4, 12, 12, 0)                                \
	X(ich_lr1_el2, 3, 4, 12, 12, 1)                                \
	X(ich_lr2_el2, 3, 4, 12, 12, 2)                                \
	X(ich_lr3_el2, 3, 4, 12, 12, 3)                                \
	X(ich_lr4_el2, 3, 4, 12, 12, 4)                                \
	X(ich_lr5_el2, 3, 4, 12, 12, 5)                                \
	X(ich_lr6_el2, 3, 4, 12, 12, 6)                                \
	X(ich_lr7_el2, 3, 4, 12, 12, 7)                                \
	X(ich_lr8_el2, 3, 4, 12, 13, 0)                                \
	X(ich_lr9_el2, 3, 4, 12, 13, 1)                                \
	X(ich_lr10_el2, 3, 4, 12, 13, 2)                               \
	X(ich_lr11_el2, 3, 4, 12, 13, 3)                               \
	X(ich_lr12_el2, 3, 4, 12, 13, 4)                               \
	X(ich_lr13_el2, 3, 4, 12, 13, 5)                               \
	X(ich_lr14_el2, 3, 4, 12, 13, 6)                               \
	X(ich_lr15_el2, 3, 4, 12, 13, 7)
/* clang-format on */

#endif
