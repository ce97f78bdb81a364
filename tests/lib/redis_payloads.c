// SPDX-License-Identifier: MIT
#include "tests/lib/redis_payloads.h"

// clang-format off
const struct redis_payload redis_payloads[] = {
    {"an empty string",
     BYTES("\000\000\012\000]\233\\@\017\177\242\332"),
     "\"\""},
    {"an integer of 8 bits",
     BYTES("\000\300\371\012\000^&\3210\327\242B\253"),
     "\"-7\""},
    {"an integer of 16 bits",
     BYTES("\000\3018\377\012\000\";\217\273\350\364a\363"),
     "\"-200\""},
    {"an integer of 32 bits",
     BYTES("\000\302p\021\001\000\012\000\001\244\010\376\2250\225\245"),
     "\"70000\""},
    {"an integer of 64 bits",
     BYTES("\000\0123000000000\012\000\347\007kyT\273yG"),
     "\"3000000000\""},
    {"a short string",
     BYTES("\000\005hello\012\000cr\337ve4 \012"),
     "\"hello\""},
    {"a string of 100 bytes",
     BYTES("\000@dnQvWys81vp7hB1dx8PpD5KHXe3PYiGkPAuNaRL63xYKwzEInncIIA3ANxN9K3KSU9Mi4roNL89sM995"
           "YTBXaK7JQEVT0mlAmrtVE\012\000q\331'zY@v\364"),
     "\"nQvWys81vp7hB1dx8PpD5KHXe3PYiGkPAuNaRL63xYKwzEInncIIA3ANxN9K3KSU9Mi4roNL89sM995YTBXaK7JQE"
     "VT0mlAmrtVE\""},
    {"a compressed string",
     BYTES("\000\303\013@\264\003abca\340\245\002\001bc\012\000+[k\254l&\303m"),
     "\"abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcab"
     "cabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc"
     "\""},
    {"integers of every size in a listpack",
     BYTES("\022\001\002@MM\000\000\000\017\000\000\001\177\001\300\200\002\337\377\002\320\000"
           "\002\317\377\002\361\377\357\003\361\377\177\003\361\000\200\003\362\377\377\177\004"
           "\362\000\000\200\004\363\377\377\377\177\005\363\000\000\000\200\005\364\377\377\377"
           "\377\377\377\377\177\011\364\000\000\000\000\000\000\000\200\011\377\012\000\245x`j"
           "\2330[:"),
     "[\"0\" \"127\" \"128\" \"-1\" \"-4096\" \"4095\" \"-4097\" \"32767\" \"-32768\" \"8388607\""
     " \"-8388608\" \"2147483647\" \"-2147483648\" \"9223372036854775807\" \"-9223372036854775808"
     "\"]"},
    {"texts in a listpack",
     BYTES("\022\001\002\303@\242A$\037$\001\000\000\006\000\200\001\201a\002\202-0\003\277TW0Tes"
           "ULeetLDQ8B\0378vW2ZBjyaXYl1AcCtLn99MHwP708dWgW\0375hQxdGlvxzX3SCb@\340@8FNVgnX6JVR7si"
           "\037FTrUTLzFoJusTeKuDFmi7ZCPvmW0Qdpa\025JD6oCzfV1NIuk8Io5yB\340\214z\340\202\000\002"
           "\001\216\377\012\000\222\325:&u\220\320\177"),
     "[\"\" \"a\" \"-0\" \"TW0TesULeetLDQ8B8vW2ZBjyaXYl1AcCtLn99MHwP708dWgW5hQxdGlvxzX3SCb\" \"8F"
     "NVgnX6JVR7siFTrUTLzFoJusTeKuDFmi7ZCPvmW0QdpaJD6oCzfV1NIuk8Io5y\" \"zzzzzzzzzzzzzzzzzzzzzzzz"
     "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
     "zzzzzzzzzzzzzzzzzzzzzzzzz\"]"},
    {"a list of two nodes",
     BYTES("\022\002\002\020\020\000\000\000\003\000\201a\002\201b\002\201c\002\377\002\013\013"
           "\000\000\000\002\000\004\001\005\001\377\012\000\277\337\352\345\366\303\225\013"),
     "[\"a\" \"b\" \"c\" \"4\" \"5\"]"},
    {"a list with a plain node",
     BYTES("\022\003\002\012\012\000\000\000\001\000\201a\002\377\001\303\011(\001xx\340\033\000"
           "\001xx\002\012\012\000\000\000\001\000\201b\002\377\012\000y\203\212\220u\310'-"),
     "[\"a\" \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" \"b\"]"},
    {"a list with a compressed node",
     BYTES("\022\004\002\015\015\000\000\000\001\000\204head\005\377\002\303\020@d\010d\000\000"
           "\000\001\000\340Zw\340P\000\001\\\377\002\303\020@d\010d\000\000\000\001\000\340Zw"
           "\340P\000\001\\\377\002\015\015\000\000\000\001\000\204tail\005\377\012\000\371\341"
           "\210\233\375\267nu"),
     "[\"head\" \"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"
     "wwwwwwwwwww\" \"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"
     "wwwwwwwwwwwwwww\" \"tail\"]"},
    {"an intset of 16 bits",
     BYTES("\013\016\002\000\000\000\003\000\000\000\373\377\001\000,\001\012\000\017_z\216\265"
           "\224\011\322"),
     "{\"-5\" \"1\" \"300\"}"},
    {"an intset of 32 bits",
     BYTES("\013\024\004\000\000\000\003\000\000\000\220\356\376\377\001\000\000\000p\021\001\000"
           "\012\000Y\345Mq\036{\377t"),
     "{\"-70000\" \"1\" \"70000\"}"},
    {"an intset of 64 bits",
     BYTES("\013\303\030 \004\010\000\000\000\003 \003\001\375\377\200\000\000\001 \013@\000\200"
           "\015\001\377\177\012\000gb&\"\014\302\230\237"),
     "{\"-3\" \"1\" \"9223372036854775807\"}"},
    {"a set",
     BYTES("\002\004\005apple\303\014(\004longl\340\030\003\001ng\300\007\302\220\356\376\377\012"
           "\000\372\205\227]<'\352\335"),
     "{\"-70000\" \"7\" \"apple\" \"longlonglonglonglonglonglonglonglonglong\"}"},
    {"a packed hash",
     BYTES("\020\030\030\000\000\000\006\000\201f\002\001\001\201g\002\203two\004\007\001\200\001"
           "\377\012\000\331H\374ht_1\357"),
     "{\"7\": \"\" \"f\": \"1\" \"g\": \"two\"}"},
    {"a hash",
     BYTES("\004\003\001g\003two\300\007\000\001f\300\001\012\000zT!LR\267\256\254"),
     "{\"7\": \"\" \"f\": \"1\" \"g\": \"two\"}"},
    {"a packed sorted set",
     BYTES("\02111\000\000\000\012\000\203low\004\204-inf\005\003\001\337\375\002\203one\004\001"
           "\001\201x\002\2031.5\004\204high\005\203inf\004\377\012\000\241Y\371,\310\216\212\265"),
     "(\"low\": -inf \"3\": -3 \"one\": 1 \"x\": 1.5 \"high\": inf)"},
    {"a sorted set",
     BYTES("\005\005\004high\000\000\000\000\000\000\360\177\001x\000\000\000\000\000\000\370\077"
           "\003one\000\000\000\000\000\000\360\077\300\003\000\000\000\000\000\000\010\300\003lo"
           "w\000\000\000\000\000\000\360\377\012\000@\301\3264\214\032CK"),
     "(\"low\": -inf \"3\": -3 \"one\": 1 \"x\": 1.5 \"high\": inf)"},
};
// clang-format on

const size_t redis_payloads_count = sizeof redis_payloads / sizeof redis_payloads[0];
