// SPDX-License-Identifier: GPL-2.0-only
/*
 * proc_demo - three lines about itself in /proc/myinfo
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

static struct proc_dir_entry *myinfo;

static int myinfo_show(struct seq_file *m, void *v)
{
	seq_puts(m, "Hello from kernel space!\n"
		    "Module: proc_demo\n"
		    "Status: Running and happy\n");
	return 0;
}

static int __init proc_demo_init(void)
{
	myinfo = proc_create_single("myinfo", 0444, NULL, myinfo_show);
	if (!myinfo)
		return -ENOMEM;

	pr_info("loaded\n");
	return 0;
}

static void __exit proc_demo_exit(void)
{
	proc_remove(myinfo);
	pr_info("unloaded\n");
}

module_init(proc_demo_init);
module_exit(proc_demo_exit);

MODULE_AUTHOR("procfleet contributors");
MODULE_DESCRIPTION("Three lines about itself in /proc/myinfo");
MODULE_VERSION("1.0");
MODULE_LICENSE("GPL");
