// SPDX-License-Identifier: MIT
//
// The dispatcher and the keyspace in process: what each lock class does when somebody holds the
// key, and that half-made keys are nobody's business.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include "datatypes/mem.h"
#include "locks/epoch.h"
#include "server/engine/cmd.h"
#include "server/engine/entry.h"
#include "server/engine/exec.h"
#include "tests/lib/check.h"
#include "tests/lib/inproc.h"

struct fixture {
    struct inproc p;
    struct inproc_client *c;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    inproc_open(&f->p);
    f->c = inproc_client_new(&f->p);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    inproc_client_free(f->c);
    inproc_close(&f->p);
    free(f);
    return 0;
}

static struct dict *keyspace_of(struct fixture *f)
{
    return atomic_load(&f->p.store->dbs[0].dict);
}

static struct entry *find(struct fixture *f, const char *key)
{
    struct dict *dict = keyspace_of(f);
    return dict_find(dict, dict_hash(dict, key, strlen(key)), key, strlen(key));
}

// ---- a command on another thread --------------------------------------------------------------

struct background {
    struct inproc *p;
    const char *command;
    char reply[256];
    _Atomic bool done;
    pthread_t thread;
};

static void *background_main(void *arg)
{
    struct background *b = arg;
    struct inproc_client *c = inproc_client_new(b->p);
    snprintf(b->reply, sizeof b->reply, "%s", inproc_run(c, "%s", b->command));
    inproc_client_free(c);
    atomic_store(&b->done, true);
    return NULL;
}

static void background_start(struct background *b, struct fixture *f, const char *command)
{
    *b = (struct background){.p = &f->p, .command = command};
    check_int(pthread_create(&b->thread, NULL, background_main, b), 0);
}

static void background_expect(struct background *b, const char *reply)
{
    pthread_join(b->thread, NULL);
    assert_string_equal(b->reply, reply);
}

// Waits until some command sleeps on a key lock (or until one minute has passed).
static void wait_for_sleepers(struct fixture *f, int64_t n)
{
    for (int i = 0; i < 60 * 1000; i++) {
        if (store_sum(f->p.store, offsetof(struct thread_stats, lock_waits)) >= n)
            return;
        struct timespec moment = {0, 1000 * 1000};
        nanosleep(&moment, NULL);
    }
    fail_msg("no command waits for the key");
}

// ---- tests ------------------------------------------------------------------------------------

static void test_unknown_command_and_arity(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(inproc_run(f->c, "foo bar baz"),
                        "-ERR unknown command 'foo', with args beginning with: 'bar' 'baz' \r\n");
    assert_string_equal(inproc_run(f->c, "GET"),
                        "-ERR wrong number of arguments for 'get' command\r\n");
    assert_string_equal(inproc_run(f->c, "CLIENT nonsense"),
                        "-ERR unknown subcommand 'nonsense'. Try CLIENT HELP.\r\n");
    assert_string_equal(inproc_run(f->c, "CLIENT ID extra"),
                        "-ERR wrong number of arguments for 'client|id' command\r\n");
}

static void test_reader_of_a_half_changed_set_waits_for_its_writer(void **state)
{
    struct fixture *f = *state;
    struct background b;

    inproc_int(f->c, "SADD set 1 2 3");
    struct entry *e = find(f, "set");
    assert_true(keylock_try(&e->lock, KEYLOCK_WRITE));
    object_write_begin(value_object(entry_value(e)));
    background_start(&b, f, "SCARD set"); // takes no lock as a rule
    wait_for_sleepers(f, 1);
    assert_false(atomic_load(&b.done));
    object_write_end(value_object(entry_value(e)));
    keylock_unlock(&e->lock, KEYLOCK_WRITE);
    background_expect(&b, ":3\r\n");
}

static void test_reader_without_lock_passes_a_held_lock(void **state)
{
    struct fixture *f = *state;

    inproc_int(f->c, "SADD set 1 2 3");
    inproc_run(f->c, "SET text value");
    struct entry *set = find(f, "set"), *text = find(f, "text");
    assert_true(keylock_try(&set->lock, KEYLOCK_WRITE));
    assert_true(keylock_try(&text->lock, KEYLOCK_WRITE));
    assert_int_equal(inproc_int(f->c, "SCARD set"), 3);
    assert_int_equal(inproc_int(f->c, "SISMEMBER set 2"), 1);
    assert_string_equal(inproc_run(f->c, "GET text"), "$5\r\nvalue\r\n");
    keylock_unlock(&set->lock, KEYLOCK_WRITE);
    keylock_unlock(&text->lock, KEYLOCK_WRITE);
}

static void test_readers_wait_for_a_command_of_several_keys(void **state)
{
    struct fixture *f = *state;
    struct background b;

    inproc_run(f->c, "SET left old");
    struct entry *e = find(f, "left");
    assert_true(keylock_try(&e->lock, KEYLOCK_WRITE));
    keylock_set_mutating(&e->lock);
    background_start(&b, f, "GET left");
    wait_for_sleepers(f, 1);
    assert_false(atomic_load(&b.done));
    keylock_unlock(&e->lock, KEYLOCK_WRITE);
    background_expect(&b, "$3\r\nold\r\n");
}

static void test_placeholder_is_invisible(void **state)
{
    struct fixture *f = *state;
    struct dict *dict = keyspace_of(f);
    struct entry *e = entry_new(BYTES("ghost"), KEYLOCK_WRITE);
    uint64_t hash = dict_hash(dict, "ghost", 5);
    struct background b;
    void *existing;

    epoch_enter(f->c->thread->epoch);
    assert_int_equal(dict_insert(dict, f->c->thread->epoch, hash, e, &existing), STATUS_OK);
    epoch_exit(f->c->thread->epoch);
    assert_int_equal(inproc_int(f->c, "EXISTS ghost"), 0);
    assert_int_equal(inproc_int(f->c, "DBSIZE"), 0);
    assert_string_equal(inproc_run(f->c, "KEYS *"), "*0\r\n");
    assert_string_equal(inproc_run(f->c, "RANDOMKEY"), "$-1\r\n");
    assert_string_equal(inproc_run(f->c, "TYPE ghost"), "+none\r\n");
    // A writer waits for whoever makes the key, and makes it itself when nothing came of it.
    background_start(&b, f, "SET ghost alive");
    wait_for_sleepers(f, 1);
    epoch_enter(f->c->thread->epoch);
    assert_true(dict_remove(dict, f->c->thread->epoch, hash, e));
    keylock_kill(&e->lock);
    epoch_exit(f->c->thread->epoch);
    background_expect(&b, "+OK\r\n");
    assert_string_equal(inproc_run(f->c, "GET ghost"), "$5\r\nalive\r\n");
    entry_free(e); // nobody is inside a section
}

static void test_commands_that_create_nothing_leave_nothing(void **state)
{
    struct fixture *f = *state;

    inproc_run(f->c, "SPOP none");
    inproc_run(f->c, "SREM none a");
    inproc_run(f->c, "DEL none other");
    inproc_run(f->c, "MGET none other third");
    inproc_run(f->c, "SUNIONSTORE none other third");
    inproc_run(f->c, "SET none value XX");
    inproc_run(f->c, "GETRANGE none 0 -1");
    inproc_run(f->c, "SETRANGE none 0 ");
    inproc_run(f->c, "SADD wrong a");
    inproc_run(f->c, "APPEND wrong text");
    inproc_run(f->c, "SREM wrong a");
    assert_int_equal(inproc_int(f->c, "DBSIZE"), 0);
    assert_int_equal(dict_count(keyspace_of(f)), 0);
}

static void test_duplicate_keys_are_locked_once(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(inproc_run(f->c, "MSET a 1 b 2 a 3"), "+OK\r\n");
    assert_string_equal(inproc_run(f->c, "MGET a b a"), "*3\r\n$1\r\n3\r\n$1\r\n2\r\n$1\r\n3\r\n");
    assert_int_equal(inproc_int(f->c, "DEL a a b b a"), 2);
    inproc_int(f->c, "SADD s x y");
    assert_int_equal(inproc_int(f->c, "SUNIONSTORE s s s"), 2);
    assert_int_equal(inproc_int(f->c, "SMOVE s s x"), 1);
    assert_string_equal(inproc_run(f->c, "RENAME s s"), "+OK\r\n");
    assert_int_equal(inproc_int(f->c, "DBSIZE"), 1);
}

static void test_expired_key_is_gone_for_everyone(void **state)
{
    struct fixture *f = *state;

    inproc_run(f->c, "DEBUG SET-ACTIVE-EXPIRE 0");
    inproc_run(f->c, "SET k value PX 1");
    inproc_int(f->c, "SADD s member");
    inproc_int(f->c, "PEXPIRE s 1");
    int64_t until = store_now_ms() + 2;
    while (store_now_ms() < until)
        sched_yield();
    assert_int_equal(inproc_int(f->c, "DBSIZE"), 2); // not yet freed
    assert_string_equal(inproc_run(f->c, "GET k"), "$-1\r\n");
    assert_int_equal(inproc_int(f->c, "SCARD s"), 0);
    assert_string_equal(inproc_run(f->c, "SMEMBERS s"), "*0\r\n");
    assert_string_equal(inproc_run(f->c, "KEYS *"), "*0\r\n");
    assert_int_equal(inproc_int(f->c, "SADD s other"), 1);
    assert_int_equal(inproc_int(f->c, "SCARD s"), 1);
    assert_int_equal(inproc_int(f->c, "TTL s"), -1);
    inproc_run(f->c, "DEBUG SET-ACTIVE-EXPIRE 1");
    // Soon, not at once: active expiry counts time in coarser units.
    until = store_now_ms() + 5000;
    do {
        store_cron(f->c->thread, 1000 * 1000);
    } while (inproc_int(f->c, "DBSIZE") != 1 && store_now_ms() < until);
    assert_int_equal(inproc_int(f->c, "DBSIZE"), 1);
    assert_int_equal(db_expires(f->p.store, 0), 0);
}

// Whatever allocation fails, a command either does all or nothing, and says so.
static void test_out_of_memory_changes_nothing(void **state)
{
    struct fixture *f = *state;
    static const char *const commands[] = {
        "SET text a-text-that-needs-a-block",
        "MSET one 11111111 two 22222222 three a-text-that-needs-a-block",
        "SADD set member:1 member:2",
        "SADD numbers 100000 5000000000",
        "APPEND text more-text-that-makes-it-grow",
        "SUNIONSTORE all set numbers",
        "SETRANGE text 100 end",
        "EXPIRE text 1000",
        "COPY set copied",
        "SMOVE set numbers member:1",
        "SPOP set",
        "FLUSHALL",
    };

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        bool done = false;
        for (long n = 0; n < 1000 && !done; n++) {
            int64_t size = inproc_int(f->c, "DBSIZE");
            mem_fail_after(n);
            const char *reply = inproc_run(f->c, "%s", commands[i]);
            mem_fail_after(-1);
            done = strncmp(reply, "-OOM", 4) != 0;
            if (done)
                assert_false(*reply == '-');
            else
                assert_int_equal(inproc_int(f->c, "DBSIZE"), size);
        }
        assert_true(done);
    }
}

static void test_config_resetstat_and_error_statistics(void **state)
{
    struct fixture *f = *state;

    inproc_run(f->c, "SET k v");
    inproc_run(f->c, "SADD k member");
    assert_non_null(strstr(inproc_run(f->c, "INFO errorstats"), "errorstat_WRONGTYPE:count=1"));
    inproc_run(f->c, "CONFIG RESETSTAT");
    assert_null(strstr(inproc_run(f->c, "INFO errorstats"), "errorstat_WRONGTYPE"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_unknown_command_and_arity, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader_of_a_half_changed_set_waits_for_its_writer,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader_without_lock_passes_a_held_lock, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_readers_wait_for_a_command_of_several_keys, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_placeholder_is_invisible, setup, teardown),
        cmocka_unit_test_setup_teardown(test_commands_that_create_nothing_leave_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_duplicate_keys_are_locked_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expired_key_is_gone_for_everyone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_of_memory_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_config_resetstat_and_error_statistics, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
