mod abi;
mod c;
