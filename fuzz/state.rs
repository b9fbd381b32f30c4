//! The state file, which the owner of a dump directory can forge: reading any bytes returns a
//! state or an error, and a written state reads back unchanged.

#![no_main]

use dump_database::state::State;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut state) = serde_json::from_slice::<State>(bytes) else {
        return;
    };
    let written = serde_json::to_vec_pretty(&state).expect("a state can be written");
    let again: State = serde_json::from_slice(&written).expect("it reads what it wrote");
    assert_eq!(again, state);
    for now in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
        state.forget_old(now, |name| name.len() % 2 == 0);
    }
});
