//! MATLAB files of format 5 to 7 ("Level 5 MAT-File Format", The MathWorks): numbers, cell arrays
//! and structures by name. Anything else is skipped.

use std::collections::BTreeMap;
use std::io::{BufReader, ErrorKind, Read, sink};
use std::path::Path;

use flate2::read::ZlibDecoder;

use crate::error::{Error, Result};
use crate::io::plain_file;
use crate::runtime::memory;

/// Fields of a structure by name.
pub(super) type Struct = BTreeMap<String, Value>;

/// A variable, field or cell.
#[derive(Debug)]
pub(super) enum Value {
    Numbers(Numbers),
    Cell(Vec<Value>),
    Struct(Struct),
    /// Not wanted, or of a kind that is not read.
    Other,
}

/// Numbers of an array, column by column, as they are stored.
#[derive(Debug)]
pub(super) struct Numbers {
    bytes: Vec<u8>,
    kind: Kind,
}

/// How a number is stored: its code in the file, its bytes and its value.
#[derive(Clone, Copy, Debug)]
struct Kind {
    code: u32,
    width: usize,
    value: fn(&[u8]) -> f64,
}

macro_rules! kind {
    ($code:expr, $type:ty) => {
        Kind {
            code: $code,
            width: size_of::<$type>(),
            value: |bytes| {
                <[u8; size_of::<$type>()]>::try_from(bytes)
                    .map_or(f64::NAN, |bytes| <$type>::from_le_bytes(bytes) as f64)
            },
        }
    };
}

const KINDS: [Kind; 10] = [
    kind!(1, i8),
    kind!(2, u8),
    kind!(3, i16),
    kind!(4, u16),
    kind!(5, i32),
    kind!(6, u32),
    kind!(7, f32),
    kind!(9, f64),
    kind!(12, i64),
    kind!(13, u64),
];

/// Codes of elements and of classes of arrays.
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;
const CELL_CLASS: u8 = 1;
const STRUCT_CLASS: u8 = 2;
const NUMBER_CLASSES: std::ops::RangeInclusive<u8> = 6..=15;

/// Bytes of the file's header.
const HEADER: usize = 128;
/// Most bytes of numbers that are kept: four times those of the authors' model.
const MAX_BYTES: u64 = 1 << 31;
/// Most cells or fields of an array, and arrays within each other.
const MAX_MEMBERS: u64 = 1 << 10;
const MAX_DEPTH: usize = 8;
/// Longest list of dimensions, name or names of fields, bytes.
const MAX_NAMES: u64 = 1 << 16;

impl Numbers {
    /// Number of values.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() / self.kind.width
    }

    /// The value at an index below [`Numbers::len`].
    pub(super) fn at(&self, index: usize) -> f64 {
        let start = index * self.kind.width;
        (self.kind.value)(&self.bytes[start..start + self.kind.width])
    }

    pub(super) fn to_vec(&self) -> Vec<f64> {
        (0..self.len()).map(|index| self.at(index)).collect()
    }
}

/// Reads the variables of a file, and of them what has a name of `wanted`. Cells have the name of
/// their array.
pub(super) fn read(path: &Path, wanted: &[&str]) -> Result<Struct> {
    let mut source = BufReader::new(plain_file::open(path)?);
    let mut header = [0; HEADER];
    source.read_exact(&mut header).map_err(|error| failed(path, &error))?;
    check_header(path, &header)?;
    let mut kept = 0;
    let mut variables = Struct::new();
    loop {
        let mut tag = [0; 8];
        // A file ends between two elements.
        match source.read(&mut tag[..1]).map_err(|error| failed(path, &error))? {
            0 => return Ok(variables),
            _ => source.read_exact(&mut tag[1..]).map_err(|error| failed(path, &error))?,
        }
        let (code, size) = (word(&tag[..4]), u64::from(word(&tag[4..])));
        let mut element = source.by_ref().take(size);
        let (name, value) = match code {
            COMPRESSED => {
                let decoder = &mut ZlibDecoder::new(&mut element);
                let mut inner =
                    Elements { path, source: decoder, left: 8, wanted, kept: &mut kept };
                let tag = inner.take(8)?;
                if word(&tag[..4]) != MATRIX {
                    return Err(Error::damaged(path, "a compressed element is no array"));
                }
                inner.left = u64::from(word(&tag[4..]));
                inner.variable()?
            }
            MATRIX => {
                let left = size;
                Elements { path, source: &mut element, left, wanted, kept: &mut kept }.variable()?
            }
            _ => (String::new(), Value::Other),
        };
        std::io::copy(&mut element, &mut sink()).map_err(|error| failed(path, &error))?;
        if element.limit() > 0 {
            return Err(Error::damaged(path, "the file ends within an element"));
        }
        if !matches!(value, Value::Other) {
            variables.insert(name, value);
        }
    }
}

fn check_header(path: &Path, header: &[u8; HEADER]) -> Result<()> {
    let save = "load it in MATLAB and save it with `save('model.mat', 'model', '-v7')`";
    if header.starts_with(b"MATLAB 7.3 MAT-file") {
        return Err(Error::unsupported(path, format!("a MATLAB file of format 7.3; {save}")));
    }
    match &header[124..] {
        [0, 1, b'I', b'M'] => Ok(()),
        [1, 0, b'M', b'I'] => {
            Err(Error::unsupported(path, format!("a MATLAB file in big-endian order; {save}")))
        }
        _ => Err(Error::unsupported(path, "no MATLAB file of format 5 to 7")),
    }
}

fn word(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte))
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => Error::damaged(path, "the file ends early"),
        _ => Error::damaged(path, format!("it cannot be read: {error}")),
    }
}

/// Elements within an array, of which `left` bytes are to come.
struct Elements<'a, R> {
    path: &'a Path,
    source: &'a mut R,
    left: u64,
    wanted: &'a [&'a str],
    /// Bytes of numbers kept of the file so far.
    kept: &'a mut u64,
}

impl<R: Read> Elements<'_, R> {
    fn damaged(&self, reason: impl Into<String>) -> Error {
        Error::damaged(self.path, reason)
    }

    /// Reads bytes, which must fit into the free memory; it grows with what is there, not with what
    /// is claimed.
    fn take(&mut self, count: u64) -> Result<Vec<u8>> {
        self.left = self.left.checked_sub(count).ok_or_else(|| {
            self.damaged(format!("an element of {count} bytes is longer than its array"))
        })?;
        memory::check_for_file(count, self.path)?;
        let mut bytes = Vec::new();
        let read = self.source.by_ref().take(count).read_to_end(&mut bytes);
        read.map_err(|error| failed(self.path, &error))?;
        match bytes.len() as u64 == count {
            true => Ok(bytes),
            false => Err(self.damaged("the file ends early")),
        }
    }

    fn skip(&mut self, count: u64) -> Result<()> {
        self.left = self.left.checked_sub(count).ok_or_else(|| {
            self.damaged(format!("an element of {count} bytes is longer than its array"))
        })?;
        let mut part = self.source.by_ref().take(count);
        std::io::copy(&mut part, &mut sink()).map_err(|error| failed(self.path, &error))?;
        Ok(())
    }

    /// Reads an element of at most `most` bytes: its code and its bytes.
    fn element(&mut self, most: u64) -> Result<(u32, Vec<u8>)> {
        let tag = self.take(8)?;
        let first = word(&tag[..4]);
        if let Some(size @ 1..) = first.checked_shr(16) {
            // Up to four bytes stand within the tag.
            let bytes = tag.get(4..4 + size as usize);
            let bytes = bytes.ok_or_else(|| self.damaged(format!("a tag of {size} bytes")))?;
            return Ok((first & 0xffff, bytes.to_vec()));
        }
        let size = u64::from(word(&tag[4..]));
        if size > most {
            return Err(
                self.damaged(format!("an element of {size} bytes; expected {most} at most"))
            );
        }
        let bytes = self.take(size)?;
        self.skip(self.left.min(size.next_multiple_of(8) - size))?;
        Ok((first, bytes))
    }

    /// Reads a variable with its name.
    fn variable(mut self) -> Result<(String, Value)> {
        self.array(None, 0)
    }

    /// Reads the array that is left, under its own name if none is given; skips it where the name
    /// is not wanted.
    fn array(&mut self, name: Option<&str>, depth: usize) -> Result<(String, Value)> {
        // An empty array may have no elements at all.
        if self.left == 0 {
            return Ok((name.unwrap_or_default().to_string(), Value::Other));
        }
        let class = self.element(8)?.1.first().copied().unwrap_or_default();
        let (_, dimensions) = self.element(MAX_NAMES)?;
        let (_, own_name) = self.element(MAX_NAMES)?;
        let name = name.map_or_else(|| String::from_utf8_lossy(&own_name).into(), String::from);
        let value = match class {
            _ if !self.wanted.contains(&name.as_str()) => Value::Other,
            _ if depth >= MAX_DEPTH => return Err(self.damaged("arrays within arrays, too deep")),
            CELL_CLASS => self.cells(members(&dimensions), &name, depth)?,
            STRUCT_CLASS => self.fields(members(&dimensions), depth)?,
            class if NUMBER_CLASSES.contains(&class) => self.numbers(members(&dimensions))?,
            _ => Value::Other,
        };
        self.skip(self.left)?;
        Ok((name, value))
    }

    /// Reads an array within this one.
    fn inner(&mut self, name: &str, depth: usize) -> Result<Value> {
        let tag = self.take(8)?;
        let size = u64::from(word(&tag[4..]));
        if word(&tag[..4]) != MATRIX || size > self.left {
            return Err(self.damaged(format!("an element of {name} is no array within its own")));
        }
        let after = self.left - size;
        self.left = size;
        let (_, value) = self.array(Some(name), depth + 1)?;
        self.left = after;
        Ok(value)
    }

    fn cells(&mut self, count: Option<u64>, name: &str, depth: usize) -> Result<Value> {
        let count = count.filter(|count| *count <= MAX_MEMBERS);
        let count = count.ok_or_else(|| self.damaged(format!("{name} has too many cells")))?;
        (0..count).map(|_| self.inner(name, depth)).collect::<Result<_>>().map(Value::Cell)
    }

    /// Fields of a single structure; arrays of several are not read.
    fn fields(&mut self, count: Option<u64>, depth: usize) -> Result<Value> {
        let (_, length) = self.element(8)?;
        let (_, names) = self.element(MAX_NAMES)?;
        let length = word(&length) as usize;
        if count != Some(1) || length == 0 {
            return Ok(Value::Other);
        }
        let mut fields = Struct::new();
        for name in names.chunks_exact(length) {
            let end = name.iter().position(|&byte| byte == 0).unwrap_or(length);
            let name = String::from_utf8_lossy(&name[..end]).into_owned();
            let value = self.inner(&name, depth)?;
            fields.insert(name, value);
        }
        Ok(Value::Struct(fields))
    }

    /// Real parts of numbers.
    fn numbers(&mut self, count: Option<u64>) -> Result<Value> {
        let room = MAX_BYTES - *self.kept;
        let (code, bytes) = self.element(room)?;
        let Some(kind) = KINDS.into_iter().find(|kind| kind.code == code) else {
            return Err(self.damaged(format!("numbers of the unknown type {code}")));
        };
        let expected = count.and_then(|count| count.checked_mul(kind.width as u64));
        if expected != Some(bytes.len() as u64) {
            return Err(self.damaged(format!("{} bytes do not fill an array", bytes.len())));
        }
        *self.kept = (*self.kept + bytes.len() as u64).min(MAX_BYTES);
        Ok(Value::Numbers(Numbers { bytes, kind }))
    }
}

/// Product of dimensions; `None` beyond 64 bits.
fn members(dimensions: &[u8]) -> Option<u64> {
    let lengths = dimensions.chunks_exact(4).map(|bytes| u64::from(word(bytes)));
    lengths.into_iter().try_fold(1u64, u64::checked_mul)
}
