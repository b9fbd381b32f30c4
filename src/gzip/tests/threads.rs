use std::{
    io::{self, Write},
    thread,
};

use super::{super::writer::MAX_BLOCK_LEN, *};

#[test]
fn writers_of_different_levels_share_a_pool() {
    let pool = pool(3);
    thread::scope(|scope| {
        for level in 0..=9 {
            let pool = &pool;
            scope.spawn(move || {
                let data = text(2 * MAX_BLOCK_LEN + 1000, level.into());
                let (file, _) = compress(&data, level, pool, 64 * 1024);
                assert!(decompress(&file).unwrap().0 == data);
            });
        }
    });
}

#[test]
fn the_threads_end_with_the_last_writer() {
    let (pool, threads) = Pool::start(NonZeroUsize::new(2).unwrap()).unwrap();
    let mut finished = GzipWriter::new(Vec::new(), 2, &pool);
    let mut dropped = GzipWriter::new(Vec::new(), 2, &pool);
    drop(pool);
    finished.write_all(&text(3 * MAX_BLOCK_LEN, 1)).unwrap();
    dropped.write_all(&text(3 * MAX_BLOCK_LEN, 2)).unwrap();
    drop(dropped);
    finished.finish().unwrap();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_panic_in_a_thread_is_an_error_and_no_hang() {
    for panics in [1, 2] {
        let pool = pool(2);
        for _ in 0..panics {
            let mut writer = GzipWriter::new(Vec::new(), 2, &pool);
            writer.write_all(b"content").unwrap();
            writer.block.dictionary_len = 8;
            let error = writer.finish().unwrap_err();
            assert_eq!(error.to_string(), "a compressing thread panicked");
        }
        let mut writer = GzipWriter::new(Vec::new(), 2, &pool);
        let result = writer
            .write_all(&noise(9 * MAX_BLOCK_LEN, 1))
            .and_then(|()| writer.finish());
        assert_eq!(result.is_err(), panics == 2, "the other thread goes on");
    }
}

#[test]
fn a_failed_write_is_never_forgotten() {
    /// A writer like a file on a filesystem that becomes full and later has free space again.
    struct FillingDisk {
        room: usize,
    }

    impl Write for FillingDisk {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            if self.room < data.len() {
                self.room = usize::MAX;
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= data.len();
            Ok(data.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let pool = pool(2);
    let data = noise(MAX_BLOCK_LEN, 9);
    for room in [0, MAX_BLOCK_LEN, 3 * MAX_BLOCK_LEN] {
        let mut writer = GzipWriter::new(FillingDisk { room }, 2, &pool);
        let failures = (0..20).filter(|_| writer.write_all(&data).is_err()).count();
        assert!(failures > 1, "{failures}");
        assert!(writer.finish().is_err());
    }
    let writer = GzipWriter::new(FillingDisk { room: 0 }, 2, &pool);
    assert_eq!(
        writer.finish().map(|_| ()).unwrap_err().kind(),
        io::ErrorKind::StorageFull
    );
}
