// SPDX-License-Identifier: GPL-2.0-only
/*
 * procDriver - a greeting in /proc/1999_proc/mydrive
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

static struct proc_dir_entry *dir;

static int mydrive_show(struct seq_file *m, void *v)
{
	seq_puts(m, "Hello\n");
	return 0;
}

static int __init procdriver_init(void)
{
	dir = proc_mkdir("1999_proc", NULL);
	if (!dir)
		return -ENOMEM;

	if (!proc_create_single("mydrive", 0444, dir, mydrive_show)) {
		proc_remove(dir);
		return -ENOMEM;
	}

	pr_info("loaded\n");
	return 0;
}

static void __exit procdriver_exit(void)
{
	proc_remove(dir);	/* and all in it */
	pr_info("unloaded\n");
}

module_init(procdriver_init);
module_exit(procdriver_exit);

MODULE_AUTHOR("procfleet contributors");
MODULE_DESCRIPTION("A greeting in /proc/1999_proc/mydrive");
MODULE_VERSION("1.0");
MODULE_LICENSE("GPL");
