// SPDX-License-Identifier: GPL-2.0-only
/*
 * simpledriver - what is written to /proc/simpledriver_dir/simpledriver_file
 * can be read back from it
 *
 * A write ends the content: what stood before its offset stays, what stood
 * behind it goes. So a write at offset 0 replaces everything, further writes
 * through the same descriptor and O_APPEND extend it, and no tail of a longer
 * value shows behind a shorter one. O_TRUNC has no effect of its own, so that
 * no reader meets the gap between an open and its write; a write of no bytes
 * has none either.
 *
 * A write that does not fit gets ENOSPC, one that would leave a hole EINVAL,
 * and both leave the content as it was. Each write(2) takes effect whole or
 * not at all; a reader keeps the content that its first read saw until it
 * seeks.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

static unsigned short mode = 0600;
module_param(mode, ushort, 0444);
MODULE_PARM_DESC(mode, "File mode in octal with its leading 0, 0400 to 0666 without execute bits (default 0600)");

static unsigned int size = SZ_4K;
module_param(size, uint, 0444);
MODULE_PARM_DESC(size, "Buffer size in bytes, 1 to 1048576 (default 4096)");

static struct proc_dir_entry *dir;

static DEFINE_MUTEX(lock);	/* guards what buffer holds, and length */
static char *buffer;
static size_t length;

static int simpledriver_show(struct seq_file *m, void *v)
{
	mutex_lock(&lock);
	seq_write(m, buffer, length);
	mutex_unlock(&lock);
	return 0;
}

static int simpledriver_open(struct inode *inode, struct file *file)
{
	int ret = single_open(file, simpledriver_show, NULL);

	if (!ret)
		file->f_mode |= FMODE_PWRITE;	/* which seq_open() clears */
	return ret;
}

static ssize_t simpledriver_write(struct file *file, const char __user *ubuf,
				  size_t count, loff_t *ppos)
{
	ssize_t ret = count;
	void *data;
	loff_t pos;

	if (!count)
		return 0;
	if (count > size)
		return -ENOSPC;

	/* User memory may block for long: not with the lock held. */
	data = vmemdup_user(ubuf, count);
	if (IS_ERR(data))
		return PTR_ERR(data);

	mutex_lock(&lock);
	pos = file->f_flags & O_APPEND ? length : *ppos;
	if (pos > size - count) {
		ret = -ENOSPC;
	} else if (pos > length) {
		ret = -EINVAL;
	} else {
		memcpy(buffer + pos, data, count);
		length = pos + count;
		*ppos = length;
	}
	mutex_unlock(&lock);

	kvfree(data);
	return ret;
}

static const struct proc_ops simpledriver_ops = {
	.proc_open	= simpledriver_open,
	.proc_read	= seq_read,
	.proc_write	= simpledriver_write,
	.proc_lseek	= seq_lseek,
	.proc_release	= single_release,
};

static int __init simpledriver_init(void)
{
	if (mode & ~0666 || !(mode & 0400)) {
		pr_err("mode %#o: must be 0400 to 0666, no execute or special bits\n",
		       mode);
		return -EINVAL;
	}
	if (!size || size > SZ_1M) {
		pr_err("size %u: must be 1 to %u\n", size, SZ_1M);
		return -EINVAL;
	}

	buffer = kvzalloc(size, GFP_KERNEL);
	if (!buffer)
		return -ENOMEM;

	dir = proc_mkdir("simpledriver_dir", NULL);
	if (!dir)
		goto free_buffer;
	if (!proc_create("simpledriver_file", mode, dir, &simpledriver_ops))
		goto remove_dir;

	pr_info("loaded, %u bytes, mode %#o\n", size, mode);
	return 0;

remove_dir:
	proc_remove(dir);
free_buffer:
	kvfree(buffer);
	return -ENOMEM;
}

static void __exit simpledriver_exit(void)
{
	proc_remove(dir);	/* and all in it; waits for those inside */
	kvfree(buffer);
	pr_info("unloaded\n");
}

module_init(simpledriver_init);
module_exit(simpledriver_exit);

MODULE_AUTHOR("procfleet contributors");
MODULE_DESCRIPTION("A /proc file that gives back what was written to it");
MODULE_VERSION("1.0");
MODULE_LICENSE("GPL");
