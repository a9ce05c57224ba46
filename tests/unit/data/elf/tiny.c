// SPDX-License-Identifier: GPL-2.0-only
#include <linux/init.h>
#include <linux/module.h>
#include <linux/crc7.h>
static bool flag = true; module_param(flag, bool, 0444); MODULE_PARM_DESC(flag, "a flag");
static unsigned short mode = 0600; module_param(mode, ushort, 0444);
static int many[3]; module_param_array(many, int, NULL, 0444);
static char *label; module_param(label, charp, 0);
static int __init tiny_init(void) { return mode == 1 && flag && crc7_be(0, (u8 *)label, many[0]); }
static void __exit tiny_exit(void) { }
module_init(tiny_init);
module_exit(tiny_exit);
MODULE_AUTHOR("procfleet contributors");
MODULE_DESCRIPTION("Does nothing, in few bytes");
MODULE_VERSION("1.2");
MODULE_LICENSE("GPL");
