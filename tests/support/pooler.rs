//! A connection pooler in transaction mode, as PgBouncer is one: a connection has a backend only while its transaction lasts.
//!
//! It logs in at the server as `postgres`, which trusts it, and lets everybody in. The process ids that it gives its clients are
//! its own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The idle backends, the last used last.
type Pool = Arc<Mutex<Vec<TcpStream>>>;

/// Starts a pooler before one database of the server on `port`; returns its own port. It ends with the process.
pub(crate) fn start(port: u16, database: &str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let own = listener.local_addr().expect("an address").port();
    let pool = Pool::default();
    let database = database.to_owned();
    std::thread::spawn(move || {
        for (number, client) in listener.incoming().flatten().enumerate() {
            let (pool, database) = (Arc::clone(&pool), database.clone());
            std::thread::spawn(move || serve(client, number, &pool, || backend(port, &database)));
        }
    });
    own
}

/// One message: its letter and what follows its length.
fn message(stream: &mut TcpStream, with_letter: bool) -> Option<(u8, Vec<u8>)> {
    let mut letter = [0];
    if with_letter {
        stream.read_exact(&mut letter).ok()?;
    }
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut body = vec![0; (u32::from_be_bytes(length) as usize).checked_sub(4)?];
    stream.read_exact(&mut body).ok()?;
    Some((letter[0], body))
}

fn send(stream: &mut TcpStream, letter: Option<u8>, body: &[u8]) -> Option<()> {
    let length = (body.len() as u32 + 4).to_be_bytes();
    let whole = [letter.as_slice(), &length, body].concat();
    stream.write_all(&whole).ok()
}

/// A new backend, logged in.
fn backend(port: u16, database: &str) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let mut body = 196_608u32.to_be_bytes().to_vec();
    body.extend(format!("user\0postgres\0database\0{database}\0\0").as_bytes());
    send(&mut stream, None, &body)?;
    while message(&mut stream, true)?.0 != b'Z' {}
    Some(stream)
}

/// Passes on what one client says.
fn serve(
    mut client: TcpStream,
    number: usize,
    pool: &Pool,
    new: impl Fn() -> Option<TcpStream>,
) -> Option<()> {
    // Requests for encryption are declined.
    while message(&mut client, false)?.1.get(..4)? != 196_608u32.to_be_bytes() {
        client.write_all(b"N").ok()?;
    }
    send(&mut client, Some(b'R'), &0u32.to_be_bytes())?;
    for parameter in [
        "server_version\x0018.6",
        "client_encoding\0UTF8",
        "standard_conforming_strings\0on",
    ] {
        send(&mut client, Some(b'S'), format!("{parameter}\0").as_bytes())?;
    }
    let key = [(1_000_000 + number as u32).to_be_bytes(), [1, 2, 3, 4]].concat();
    send(&mut client, Some(b'K'), &key)?;
    send(&mut client, Some(b'Z'), b"I")?;
    let mut held: Option<TcpStream> = None;
    loop {
        let (letter, body) = message(&mut client, true)?;
        if letter == b'X' {
            return Some(());
        }
        let idle = || pool.lock().expect("no thread panics").pop();
        let mut server = held.take().or_else(idle).or_else(&new)?;
        send(&mut server, Some(letter), &body)?;
        let has_answer = matches!(letter, b'Q' | b'S' | b'c' | b'f');
        let status = match has_answer {
            true => answer(&mut server, &mut client)?,
            false => b'T',
        };
        match status {
            b'I' => pool.lock().expect("no thread panics").push(server),
            _ => held = Some(server),
        }
    }
}

/// Passes on an answer, which ends when the server is ready or waits for rows; returns the state of its transaction.
fn answer(server: &mut TcpStream, client: &mut TcpStream) -> Option<u8> {
    loop {
        let (letter, body) = message(server, true)?;
        send(client, Some(letter), &body)?;
        match letter {
            b'Z' => return body.first().copied(),
            b'G' => return Some(b'T'),
            _ => {}
        }
    }
}
